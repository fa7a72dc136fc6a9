"""Stage 2, comparative scoring: two samples before a judge, a language model or the offline heuristic.

Pairing, scores and ranks are SQL in ``models/judging``.
"""
