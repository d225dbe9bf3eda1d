"""How good the answers are, measured against hand-written questions."""
