"""Stage 1, open tagging: what a model is asked about an instruction, and the row its reply becomes.

How a request is sent, paid for and read lives in ``llm``.
"""
