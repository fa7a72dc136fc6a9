"""Asking a language model: every reply is cached before it is used, every failure is typed, spending is bounded."""
