"""Checksums of the rows of the cache: computed when a row is stored, compared whenever it is read, for the bill by the
process that reads it first.

They show that a disk, a copy or an editor changed a row. They are no signature: who can write the file can write both.
"""

from __future__ import annotations

from hashlib import blake2b

CHECKED_REPLY_COLUMNS = (
    "request_key, stage, model, attempt, reply, refusal, finish_reason, n_prompt_tokens, n_cached_tokens, "
    "n_completion_tokens, latency_ms, requested_at, is_batch, is_free, n_cache_write_tokens"
)
"""What the checksum of a reply covers, in this order: all but ``is_imported``, which an import may set."""

CHECKED_COMPUTED_COLUMNS = "kind, key, value"
"""What the checksum of a computed value covers, in this order."""


def reply_checksum(*values: object) -> bytes:
    """The checksum of a reply. Tokens written, the last value, count where they are known.

    So the replies that were stored before there was that column keep the checksum that they have.
    """
    return row_checksum(*(values if values[-1] is not None else values[:-1]))


def row_checksum(*values: object) -> bytes:
    """Eight bytes over the values of a row as SQLite gives them back: no booleans, floats where a column is REAL."""
    return blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=8).digest()
