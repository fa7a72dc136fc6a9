"""Everything that runs without a key: a small language model, an embedder and a heuristic judge, on this machine.

``embedding`` gives the vectors of tags to every stage that needs them. Knows no stage.
"""
