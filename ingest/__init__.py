"""Documents to reading text, sentences and passages, each with exact places in the source."""
