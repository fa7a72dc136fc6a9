"""Prices of models, and the limit that stops a run before more is spent."""
