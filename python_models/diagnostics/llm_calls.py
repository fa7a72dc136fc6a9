"""The calls behind the replies in the response cache, with their cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import pyarrow as pa

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.spending.prices import Price, find_price, read_prices
from python_models.settings import cache_path

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

_PAYMENT = "WHEN is_free THEN 'free' WHEN is_imported THEN 'imported' WHEN is_batch THEN 'batch' ELSE 'here'"
_COLUMNS = {
    "request_key": "LOWER(HEX(request_key))",
    "stage": "stage",
    "model_name": "model",
    "attempt": "attempt",
    "finish_reason": "finish_reason",
    "n_prompt_tokens": "n_prompt_tokens",
    "n_cached_prompt_tokens": "n_cached_tokens",
    "n_cache_write_tokens": "n_cache_write_tokens",
    "n_completion_tokens": "n_completion_tokens",
    "latency_ms": "latency_ms",
    "payment": f"CASE {_PAYMENT} END",
    "requested_at": "requested_at",
    "is_free": "is_free",
    "is_batch": "is_batch",
}
"""Where the columns stand in the cache; after those of a call what its price depends on."""

_PRICED = (
    "model_name",
    "is_free",
    "is_batch",
    "n_prompt_tokens",
    "n_cached_prompt_tokens",
    "n_completion_tokens",
    "n_cache_write_tokens",
)


def cached_calls(path: Path | None = None) -> Iterator[pa.RecordBatch]:
    """Yield one row of ``CALL_SCHEMA`` per reply in the cache, in bounded memory; nothing if there is no cache yet.

    Raises:
        CacheError: the cache cannot be read, or a reply is not what was stored.
    """
    path = path or cache_path()
    if not path.exists():
        return
    prices = read_prices()
    price_of = cache(lambda model: find_price(prices, model))
    cost_of = lru_cache(maxsize=50_000)(lambda model, *paid: _cost_usd(price_of(model), *paid))  # few differ
    with ResponseCache(path, read_only=True) as replies:
        for rows in replies.iter_columns(list(_COLUMNS.values())):
            columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=False))  # after them the rowid
            priced = zip(*(columns[name] for name in _PRICED), strict=True)
            columns["cost_usd"] = tuple(cost_of(*row) for row in priced)
            arrays = [pa.array(columns[field.name], field.type) for field in CALL_SCHEMA]
            yield pa.RecordBatch.from_arrays(arrays, schema=CALL_SCHEMA)


def _cost_usd(
    price: Price | None,
    is_free: int,
    is_batch: int,
    n_prompt: int | None,
    n_cached: int | None,
    n_completion: int | None,
    n_written: int | None,
) -> float | None:
    """US dollars of a reply: 0 from a local model, None if the price is unknown or the tokens were not counted."""
    if is_free:
        return 0.0
    if price is None or n_prompt is None or n_completion is None:
        return None
    return price.cost(n_prompt, n_cached or 0, n_completion, n_written=n_written or 0, is_batch=bool(is_batch))
