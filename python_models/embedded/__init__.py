"""Everything that runs without a key: a small language model, an embedder and a heuristic judge, on this machine."""
