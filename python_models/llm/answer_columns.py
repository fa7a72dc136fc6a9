"""The columns that an answer of a language model has in every table: types, descriptions and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from python_models.llm.answers import Answer

_COLUMNS = (
    ("raw_reply", "text", pa.string(), "The last reply as received; NULL if none came."),
    (
        "error",
        "text",
        pa.string(),
        "Why there is no usable reply, beginning with the kind of the error; NULL if there is one.",
    ),
    ("is_cut", "boolean", pa.bool_(), "Whether a text was cut at max_prompt_chars."),
    ("n_attempts", "int", pa.int32(), "Replies asked for until one could be read, cached ones included."),
    ("model_name", "text", pa.string(), "The model that was asked."),
    ("request_key", "text", pa.string(), "Key of the reply in the response cache (sha256 of the whole request)."),
    ("n_prompt_tokens", "bigint", pa.int64(), "Tokens of the request; NULL if the endpoint does not say."),
    ("n_completion_tokens", "bigint", pa.int64(), "Tokens of the reply; NULL if the endpoint does not say."),
    ("is_cached", "boolean", pa.bool_(), "Whether the reply had been paid for, or computed, before."),
    ("requested_at", "timestamp", pa.timestamp("us"), "When the reply was received from the model (UTC)."),
    ("prompt_sha256", "text", pa.string(), "sha256 of the prompt file that was used."),
)

ANSWER_TYPES = {name: sql_type for name, sql_type, _, _ in _COLUMNS}
"""SQL types by column."""

ANSWER_FIELDS = [pa.field(name, arrow_type) for name, _, arrow_type, _ in _COLUMNS]
"""The same columns for Arrow."""

ANSWER_DESCRIPTIONS = {name: description for name, _, _, description in _COLUMNS}
"""What the columns say; a model may say it more exactly."""


def answer_values(answer: Answer[Any]) -> dict[str, Any]:
    """Values of the columns that the engine knows: all but ``is_cut`` and ``prompt_sha256``."""
    return {
        "raw_reply": answer.raw_reply,
        "error": answer.error,
        "n_attempts": answer.n_attempts,
        "model_name": answer.model_name,
        "request_key": answer.request_key,
        "n_prompt_tokens": answer.n_prompt_tokens,
        "n_completion_tokens": answer.n_completion_tokens,
        "is_cached": answer.is_cached,
        "requested_at": answer.requested_at.replace(tzinfo=None) if answer.requested_at else None,
    }
