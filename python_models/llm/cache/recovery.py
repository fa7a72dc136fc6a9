"""A cache that was lost, or whose path was mistyped: the replies that the warehouse holds are not paid for again."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pyarrow as pa
from sqlglot import exp

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import INSERT_REPLY, CachedReply
from python_models.llm.cache.writer import Work
from python_models.settings import cache_path
from python_models.staging import read_arrow

if TYPE_CHECKING:
    from sqlmesh.core.context import BaseContext

_STAGES = {
    "tag_replies": "tagging",
    "pair_replies": "judging",
    "singleton_scores": "singletons",
    "wording_replies": "wordings",
    "second_judge_replies": "second_judge",
}
_N_PROBES = 1_000
_BATCH_ROWS = 1_000
_KIND, _KEY = "recovered", "n_attempts"

# Replies that the cache had when it was seen to lack none, by the engine adapter, which a run has one of.
_n_when_whole: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


def recover_replies(context: BaseContext) -> int:
    """Put the usable replies of all tables of the warehouse, also of old versions, into a cache that lacks them.

    Says so on stderr. A failed reply is not taken back: it would be asked for again anyway. On DuckDB only. Looks once
    in a run, and again if the cache shrinks: what the warehouse gains in between comes from the cache.

    Args:
        context: the execution context of a model that is about to ask.

    Returns:
        How many replies were taken back.

    Raises:
        CacheError: the cache file cannot be used.
    """
    if context.engine_adapter.dialect != "duckdb":
        return 0
    with ResponseCache(cache_path()) as cache:
        if cache.counts()[0] >= _n_when_whole.get(context.engine_adapter, math.inf):
            return 0
        n_recovered = _take_back(context, _stored_replies(context), cache)
        _n_when_whole[context.engine_adapter] = cache.counts()[0]
        if n_recovered:
            print(
                f"The cache {cache.path} lacks replies that the warehouse holds (was it lost, or is TACOS_CACHE "
                f"mistyped?): {n_recovered:,} were taken back from there and are not paid for again.",
                file=sys.stderr,
            )
        return n_recovered


@contextmanager
def cache_of_a_run(context: BaseContext) -> Iterator[ResponseCache | None]:
    """The cache as a run would find it, to look only: a copy with what would be taken back, if it lacks something.

    Yields:
        None if there is no cache, and nothing to take back.
    """
    path = cache_path()
    with ExitStack() as stack:
        cache = stack.enter_context(ResponseCache(path, read_only=True)) if path.exists() else None
        replies = _stored_replies(context)
        if replies is not None and _is_lacking(context, replies, cache):
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="tacos-estimate-")))
            if cache is not None:
                cache.read("VACUUM INTO ?", [str(folder / path.name)])
            cache = stack.enter_context(ResponseCache(folder / path.name))
            _take_back(context, replies, cache)
        yield cache


def _take_back(context: BaseContext, replies: exp.Query | None, cache: ResponseCache) -> int:
    """Store the replies of the warehouse in a cache that lacks them; returns how many it lacked."""
    if replies is None or not _is_lacking(context, replies, cache):
        return 0
    n_before = cache.counts()[0]
    n_attempts = store(cache, read_arrow(context, replies, _BATCH_ROWS))
    n_recovered = cache.counts()[0] - n_before
    if n_recovered:
        known = attempts_to_skip(cache)
        cache.put_computed(_KIND, {_KEY: str(max(n_attempts, known)).encode()})
    return n_recovered


def _is_lacking(context: BaseContext, replies: exp.Query, cache: ResponseCache | None) -> bool:
    """Judged by the size of the cache and by a thousand keys, so that it takes no time in an ordinary run."""
    count = exp.select("COUNT(DISTINCT key) AS n").from_(replies.subquery("r"))
    n_stored = next(_rows(context, count))["n"]
    if cache is None or cache.counts()[0] < n_stored:
        return bool(n_stored)
    probes = exp.select("key").distinct().from_(replies.subquery("r")).order_by("key").limit(_N_PROBES)
    keys = [row["key"] for row in _rows(context, probes)]
    return len(cache.get_many(keys)) < len(keys)


def store(cache: ResponseCache, batches: Iterable[pa.RecordBatch]) -> int:
    """Store rows of the query below; returns the highest number of an attempt among them, 0 if there are none."""
    n_attempts = 0
    for batch in batches:
        rows = [CachedReply(**row) for row in batch.to_pylist()]
        n_attempts = max([n_attempts, *(row.attempt for row in rows)])
        cache.writer.submit(Work(INSERT_REPLY, [row.row() for row in rows])).result()
    return n_attempts


def attempts_to_skip(cache: ResponseCache) -> int:
    """Up to which attempt replies may be missing before one that is there: the unusable ones were not taken back."""
    return int(cache.get_computed(_KIND, [_KEY]).get(_KEY, b"0"))


def _stored_replies(context: BaseContext) -> exp.Query | None:
    """The query for the usable replies in the fields of ``CachedReply``; None if there is no table with any."""
    adapter = context.engine_adapter
    if adapter.dialect != "duckdb":
        return None
    tables = (
        exp.select("schema_name", "table_name", "LIST(column_name) AS columns")
        .from_("DUCKDB_COLUMNS()")
        .where("(schema_name, table_name) IN (SELECT (schema_name, table_name) FROM DUCKDB_TABLES())", dialect="duckdb")
        .group_by("schema_name", "table_name")
        .order_by("schema_name", "table_name")
    )
    selects = [
        _select(exp.table_(row["table_name"], db=row["schema_name"], quoted=True), set(row["columns"]), stage)
        for row in _rows(context, tables)
        for name, stage in _STAGES.items()
        if name in row["table_name"] and {"request_key", "raw_reply", "error"} <= set(row["columns"])
    ]
    if not selects:
        return None
    stored = (exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]).subquery("stored")
    # An older version of the table may still be there, without the tokens that the endpoint wrote to its cache.
    known = adapter.columns("tacos.llm_calls") if adapter.table_exists("tacos.llm_calls") else {}
    if not known:
        unknown = {"finish_reason": "text", "n_cached_tokens": "bigint", "latency_ms": "double"}
        nulls = [exp.alias_(exp.cast(exp.Null(), kind), name) for name, kind in unknown.items()]
        return exp.select("*", *nulls).from_(stored)
    calls = exp.alias_(exp.to_table("tacos.llm_calls"), "calls", table=True)
    return (
        exp.select("stored.*", "calls.finish_reason", "calls.n_cached_prompt_tokens AS n_cached_tokens")
        .select("calls.latency_ms", *(f"calls.{name}" for name in ("n_cache_write_tokens",) if name in known))
        .select(*(f"COALESCE(calls.payment = '{name}', FALSE) AS is_{name}" for name in ("batch", "imported", "free")))
        .from_(stored)
        .join(calls, on="calls.request_key = stored.key", join_type="left")
    )


def _select(table: exp.Table, columns: set[str], stage: str) -> exp.Select:
    def column(name: str, kind: str, otherwise: str = "NULL") -> str:
        return f"CAST({name if name in columns else otherwise} AS {kind})"

    fields = {
        "key": "request_key",
        "stage": f"'{stage}'",
        "model": "model_name",
        "attempt": column("n_attempts", "INT", "1"),
        "text": "raw_reply",
        "refusal": "CAST(NULL AS TEXT)",
        "n_prompt_tokens": column("n_prompt_tokens", "BIGINT"),
        "n_completion_tokens": column("n_completion_tokens", "BIGINT"),
        "requested_at_us": f"COALESCE(EPOCH_US({column('requested_at', 'TIMESTAMP')}), 0)",
    }
    selected = [exp.alias_(exp.maybe_parse(text, dialect="duckdb"), name) for name, text in fields.items()]
    usable = "request_key IS NOT NULL AND raw_reply IS NOT NULL AND error IS NULL"
    return exp.select(*selected).from_(table).where(usable)


def _rows(context: BaseContext, query: exp.Query) -> Iterator[dict[str, Any]]:
    for batch in read_arrow(context, query, _BATCH_ROWS):
        yield from batch.to_pylist()
