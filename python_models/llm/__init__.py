"""Asking a language model: every reply is cached before it is used, every failure is typed, spending is bounded.

``engine.ask`` is the one way in. The rooms inside: ``cache``, ``endpoint``, ``batch``, ``spending``. Knows no stage.
"""
