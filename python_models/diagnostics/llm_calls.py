"""The calls behind the replies in the response cache, with their cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from python_models.llm.cache.checksum import CHECKED_REPLY_COLUMNS, reply_checksum
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.schema import damaged_error
from python_models.llm.spending.prices import Price, find_price, read_prices
from python_models.settings import cache_path

_BATCH_ROWS = 10_000
_COLUMNS = f"{CHECKED_REPLY_COLUMNS}, is_imported, checksum, rowid"
_QUERY = f"SELECT {_COLUMNS} FROM replies WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608

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
    """Yield one row of ``CALL_SCHEMA`` per reply in the cache, in bounded memory; nothing if there is no cache yet.

    Columns are read as they lie in the cache, and every row is held against its checksum.

    Raises:
        CacheError: the cache cannot be read, or a reply is not what was stored.
    """
    path = path or cache_path()
    if not path.exists():
        return
    prices = read_prices()
    price_of = cache(lambda model: find_price(prices, model))
    last: Any = 0
    with ResponseCache(path, read_only=True) as replies:
        while rows := replies.read(_QUERY, (last, _BATCH_ROWS)):
            for row in rows:
                if reply_checksum(*row[:-3]) != row[-2]:
                    raise damaged_error(path, f"the reply {bytes(row[0]).hex()}")  # type: ignore[call-overload]
            names = _COLUMNS.split(", ")
            yield _calls(dict(zip(names, zip(*rows, strict=True), strict=True)), price_of)
            last = rows[-1][-1]


def _calls(columns: dict[str, Sequence[Any]], price_of: Callable[[str], Price | None]) -> pa.RecordBatch:
    """Columns of the cache as those of ``CALL_SCHEMA``."""
    tokens = ("n_prompt_tokens", "n_cached_tokens", "n_completion_tokens", "n_cache_write_tokens")
    priced = zip(*(columns[name] for name in ("model", "is_free", "is_batch", *tokens)), strict=True)
    paid = zip(*(columns[name] for name in ("is_free", "is_imported", "is_batch")), strict=True)
    columns |= {
        "request_key": [key.hex() for key in columns["request_key"]],
        "model_name": columns["model"],
        "n_cached_prompt_tokens": columns["n_cached_tokens"],
        "cost_usd": [_cost_usd(price_of(model), *row) for model, *row in priced],
        "payment": [_payment(*flags) for flags in paid],
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in CALL_SCHEMA], schema=CALL_SCHEMA)


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


def _payment(is_free: int, is_imported: int, is_batch: int) -> str:
    return "free" if is_free else "imported" if is_imported else "batch" if is_batch else "here"
