"""The rows of the response cache: what is kept of a reply, in which order, and what was used in all."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from python_models.llm.cache.checksum import reply_checksum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

COLUMNS = (
    "request_key, stage, model, attempt, reply, refusal, finish_reason, n_prompt_tokens, n_cached_tokens, "
    "n_completion_tokens, latency_ms, requested_at, is_batch, is_imported, is_free, n_cache_write_tokens, checksum"
)
INSERT_COMPUTED = "INSERT OR {} INTO computed (kind, key, value, checksum, is_imported) VALUES (?, ?, ?, ?, ?)"
# The first reply of a request counts: a replay must not depend on which copy came last.
INSERT_REPLY = f"INSERT OR IGNORE INTO replies ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608


class CachedReply(NamedTuple):
    """A reply as received, and what it took.

    Attributes:
        key: identity of the request, sha256 in hex.
        stage, model, attempt: who asked whom, and for the how-manieth time (from 1).
        text: what the model wrote; None when it refused.
        refusal, finish_reason: as the endpoint said.
        n_prompt_tokens, n_cached_tokens, n_completion_tokens: usage as the endpoint counted it, None if it did not.
        latency_ms: milliseconds of the successful call; None through the batch API.
        requested_at_us: microseconds since 1970, UTC.
        is_batch, is_imported, is_free: paid at half the price; paid on another machine; from a model of one's own.
        n_cache_write_tokens: the part of the prompt that the endpoint wrote to its cache, None if it does not say.
    """

    key: str
    stage: str
    model: str
    attempt: int
    text: str | None
    refusal: str | None
    finish_reason: str | None
    n_prompt_tokens: int | None
    n_cached_tokens: int | None
    n_completion_tokens: int | None
    latency_ms: float | None
    requested_at_us: int
    is_batch: bool = False
    is_imported: bool = False
    is_free: bool = False
    n_cache_write_tokens: int | None = None

    @property
    def requested_at(self) -> datetime:
        """When the request was sent, in UTC."""
        return _EPOCH + timedelta(microseconds=self.requested_at_us)

    def row(self) -> tuple[object, ...]:
        """The values of the table, in the order of ``COLUMNS``."""
        return (bytes.fromhex(self.key), *self[1:], self.checksum())

    def checksum(self) -> bytes:
        """The checksum of its row (see ``checksum``)."""
        latency_ms = None if self.latency_ms is None else float(self.latency_ms)
        flags = (int(self.is_batch), int(self.is_free))
        values = (bytes.fromhex(self.key), *self[1:10], latency_ms, self.requested_at_us, *flags)
        return reply_checksum(*values, self.n_cache_write_tokens)


class Usage(NamedTuple):
    """Tokens of one stage, model and price class; ``n_calls`` calls, of which ``n_uncounted`` without usage."""

    stage: str
    model: str
    is_batch: bool
    is_imported: bool
    is_free: bool
    n_calls: int
    n_uncounted: int
    n_prompt_tokens: int
    n_cached_tokens: int
    n_completion_tokens: int
    n_cache_write_tokens: int


def now_us() -> int:
    """The time now, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000
