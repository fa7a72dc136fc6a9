"""Digests of what a run leaves: the tables and SQLMesh's record of them in the warehouse, the replies in the cache."""

from __future__ import annotations

import json
from hashlib import sha256

from python_models.last_run.inputs import Query, content_digest
from python_models.llm.cache.response_cache import ResponseCache
from python_models.settings import LlmSettings, cache_path

# SQLMesh's janitor joins rows of intervals before a run: what they say in all stays.
_STATE = (
    "SELECT name, version, is_dev, MIN(start_ts), MAX(end_ts), MAX(last_altered_ts), BOOL_OR(is_pending_restatement) "
    "FROM sqlmesh._intervals WHERE NOT is_removed GROUP BY ALL ORDER BY ALL",
    "SELECT snapshots, plan_id, promoted_snapshot_ids, finalized_ts IS NULL "
    "FROM sqlmesh._environments WHERE name = 'prod'",
    "SELECT schema_name, view_name, column_count FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
)
_TABLES = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'sqlmesh' ORDER BY ALL"
_PROMOTED = "SELECT snapshots FROM sqlmesh._environments WHERE name = 'prod'"
_ALTERED = "SELECT name, version, MAX(last_altered_ts) FROM sqlmesh._intervals GROUP BY name, version"
_WITHOUT_TABLE = {"SEED", "EMBEDDED", "EXTERNAL"}
_N_FAILED = """
SELECT (SELECT COUNT(error) FROM tacos.tag_replies) + (SELECT COUNT(error) FROM tacos.pair_replies)
  + (SELECT COUNT(error) FROM tacos_internal.singleton_scores)
  + (SELECT COUNT(error) FROM tacos_internal.wording_replies)
  + (SELECT COUNT(error) FROM tacos_internal.second_judge_replies)
"""


def read_results(query: Query) -> dict[str, str]:
    """Digest what is there now: SQLMesh's intervals and environment, which tables and views, how many rows.

    Returns:
        What is there, in words -> its digest.

    Raises:
        Exception: of the warehouse's driver, where SQLMesh's record of production is not in it.
    """
    state = sha256()
    counts = [f"""SELECT '{schema}.{table}', COUNT(*) FROM "{schema}"."{table}" """ for schema, table in query(_TABLES)]  # noqa: S608
    for text in (*_STATE, " UNION ALL ".join(counts) + " ORDER BY ALL"):
        state.update(repr(query(text)).encode("utf-8", "surrogateescape"))
    return {"the tables": state.hexdigest(), "the cache": _cache_digest()}


def is_whole(query: Query, since_ms: int) -> bool:
    """Whether everything was made since then (milliseconds since 1970), nothing failed that a run would ask for again,
    and the replies that the tables tell of are those of the cache."""
    altered = {(name, version): altered_ms or 0 for name, version, altered_ms in query(_ALTERED)}
    promoted = [entry for (text,) in query(_PROMOTED) for entry in json.loads(text)]
    tables = [(entry["name"], entry["version"]) for entry in promoted if entry["kind_name"] not in _WITHOUT_TABLE]
    if not tables or any(altered.get(table, 0) < since_ms for table in tables):
        return False
    if LlmSettings.from_environment().ask_failed_again and query(_N_FAILED)[0][0]:
        return False
    n_replies = 0
    if cache_path().exists():
        with ResponseCache(cache_path(), read_only=True) as cache:
            n_replies = cache.counts()[0]
    return bool(query("SELECT COUNT(*) FROM tacos.llm_calls")[0][0] == n_replies)


def _cache_digest() -> str:
    """Bytes of the cache file, and of what was written to it and is not in it yet."""
    paths = (cache_path(), cache_path().with_name(f"{cache_path().name}-wal"))
    return " ".join(content_digest(path) for path in paths if path.exists() and path.stat().st_size)
