"""The columns of every table that has a row per judged pair: types and descriptions."""

from __future__ import annotations

from python_models.llm.answer_columns import ANSWER_DESCRIPTIONS, ANSWER_TYPES

REPLY_TYPES = {
    "pair_id": "text",
    "scores": "struct(first_score int, second_score int)",
    **ANSWER_TYPES,
    "code_digest": "text",
}
"""SQL types by column."""

REPLY_DESCRIPTIONS = {
    **ANSWER_DESCRIPTIONS,
    "pair_id": "The judged pair.",
    "scores": "Scores (1-100, higher is better) read from the reply; NULL if there is no usable reply.",
    "code_digest": "Digest of the code that asked and parsed.",
}
"""What the columns say; a model may say it more exactly."""
