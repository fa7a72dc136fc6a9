"""One HTTP call to an OpenAI-compatible endpoint: where to, in which dialect, how often, how fast."""
