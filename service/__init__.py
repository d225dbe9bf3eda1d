"""Questions to cited answers, over HTTP, the page and the command line."""
