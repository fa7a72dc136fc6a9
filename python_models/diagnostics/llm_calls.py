"""The calls behind the replies in the response cache, with their cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.spending.prices import Price, find_price, read_prices
from python_models.settings import cache_path

_BATCH_ROWS = 10_000

CALL_SCHEMA = pa.schema(
    {
        "request_key": pa.string(),
        "stage": pa.string(),
        "model_name": pa.string(),
        "attempt": pa.int32(),
        "finish_reason": pa.string(),
        "n_prompt_tokens": pa.int64(),
        "n_cached_prompt_tokens": pa.int64(),
        "n_cache_write_tokens": pa.int64(),
        "n_completion_tokens": pa.int64(),
        "latency_ms": pa.float64(),
        "cost_usd": pa.float64(),
        "payment": pa.string(),
        "requested_at": pa.timestamp("us"),
    }
)


def cached_calls(path: Path | None = None) -> Iterator[pa.RecordBatch]:
    """Yield one row of ``CALL_SCHEMA`` per reply in the cache, in bounded memory; nothing if there is no cache yet."""
    path = path or cache_path()
    if not path.exists():
        return
    prices = read_prices()
    with ResponseCache(path, read_only=True) as cache:
        replies = cache.iter_replies()
        while block := list(islice(replies, _BATCH_ROWS)):
            columns = zip(*(_row(reply, prices) for reply in block), strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, CALL_SCHEMA, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=CALL_SCHEMA)


def cost_usd(reply: CachedReply, prices: Mapping[str, Price]) -> float | None:
    """US dollars of a reply: 0 from a local model, None if the price is unknown or the tokens were not counted."""
    if reply.is_free:
        return 0.0
    price = find_price(prices, reply.model)
    if price is None or reply.n_prompt_tokens is None or reply.n_completion_tokens is None:
        return None
    tokens = (reply.n_prompt_tokens, reply.n_cached_tokens or 0, reply.n_completion_tokens)
    return price.cost(*tokens, n_written=reply.n_cache_write_tokens or 0, is_batch=reply.is_batch)


def _row(reply: CachedReply, prices: Mapping[str, Price]) -> tuple[Any, ...]:
    """The values of a reply, in the order of ``CALL_SCHEMA``."""
    payment = "free" if reply.is_free else "imported" if reply.is_imported else "batch" if reply.is_batch else "here"
    return (
        *(reply.key, reply.stage, reply.model, reply.attempt, reply.finish_reason),
        *(reply.n_prompt_tokens, reply.n_cached_tokens, reply.n_cache_write_tokens, reply.n_completion_tokens),
        *(reply.latency_ms, cost_usd(reply, prices), payment, reply.requested_at_us),
    )
