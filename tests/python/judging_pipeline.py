"""The judging and selection stages as SQL in a DuckDB of their own, with any function in the place of the judge.

The queries are the project's, rendered by SQLMesh with the variables of config.yaml; only the Python models that ask
the judge are left out. So thousands of judgments take seconds, and everything but the call itself is the real thing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import yaml
from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core import constants
from sqlmesh.utils.yaml import load

from python_models.judging.reply_columns import REPLY_TYPES

PROJECT_ROOT = Path(__file__).resolve().parents[2]

Judge = Callable[[pd.DataFrame], tuple[np.ndarray, np.ndarray]]
"""Scores of the first and of the second sample of each pair (1-100, NaN where the judgment failed).

Its argument has the columns pair_id, judging_round, cluster_id, first_sample_id, second_sample_id, is_order_check.
"""

_INPUTS = {
    "tacos.samples": {"sample_id": "TEXT", "instruction": "TEXT", "response": "TEXT", "system_prompt": "TEXT"},
    "tacos.clusters": {"sample_id": "TEXT", "cluster_id": "INT", "n_tags": "INT", "is_primary": "BOOLEAN"},
    "tacos_internal.singleton_scores": {"sample_id": "TEXT", "score": "INT"},
}
# The tables that tell the whole story of a sample read every stage: they are not part of this one.
_SELECTION = (
    *("selected", "selection_counts", "method_ranks", "selection_comparison"),
    *("sample_outcomes", "cluster_cutoffs", "sample_gaps", "sample_standings"),
)
_DIAGNOSTICS = ("round_gains",)
_MACROS = ("__init__", "clustering", "commands", "engine", "judging", "numbers")


@functools.cache
def _context(overrides: tuple[tuple[str, Any], ...]) -> Context:
    """The SQL models of the two stages as a SQLMesh project, the variables of config.yaml with the overrides."""
    with TemporaryDirectory(prefix="tacos_judging_") as name:  # read once, not needed after
        return _load(Path(name), overrides)


def _load(folder: Path, overrides: tuple[tuple[str, Any], ...]) -> Context:
    variables = load(PROJECT_ROOT / "config.yaml")["variables"] | {"judge_model": "a function"} | dict(overrides)
    config = {
        "gateways": {"local": {"connection": {"type": "duckdb"}}},
        "model_defaults": {"dialect": "duckdb", "start": "2020-01-01", "optimize_query": False},
        "disable_anonymized_analytics": True,
        "variables": variables,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    inputs = [{"name": name, "columns": columns} for name, columns in _INPUTS.items()]
    (folder / "external_models.yaml").write_text(yaml.safe_dump(inputs), encoding="utf-8")
    sources = list((PROJECT_ROOT / "models/judging").glob("*.sql"))
    sources += [PROJECT_ROOT / f"models/selection/{name}.sql" for name in _SELECTION]
    sources += [PROJECT_ROOT / f"models/diagnostics/{name}.sql" for name in _DIAGNOSTICS]
    sources += [PROJECT_ROOT / f"macros/{name}.py" for name in _MACROS]
    sources += [
        PROJECT_ROOT / f"audits/{name}.sql"
        for name in ("judging_is_sound", "judging_seams", "selection_is_exact", "selection_seams", "outcomes")
    ]
    for number in (1,) if variables["judging_profile"] == "paper" else (1, 2, 3):
        nulls = ", ".join(f"NULL::{kind} AS {column}" for column, kind in REPLY_TYPES.items())
        stub = (
            f"MODEL (name tacos_internal.pair_replies_{number}, kind FULL, audits (judging_failures_are_few));\n"
            f"SELECT {nulls} FROM tacos_internal.pairs_{number}"
        )
        (folder / f"models/pair_replies_{number}.sql").parent.mkdir(exist_ok=True)
        (folder / f"models/pair_replies_{number}.sql").write_text(stub, encoding="utf-8")
    for source in sources:
        target = folder / source.relative_to(PROJECT_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
    # A process that holds the threads of DuckDB must not be forked: the children may hang or die.
    n_workers, constants.MAX_FORK_WORKERS = constants.MAX_FORK_WORKERS, 1
    try:
        return Context(paths=[str(folder)])
    finally:
        constants.MAX_FORK_WORKERS = n_workers


@functools.cache
def _queries(overrides: tuple[tuple[str, Any], ...]) -> list[tuple[str, str, dict[str, str]]]:
    """Name, query and blocking audits (their queries by name) of every model in the order of their dependencies.

    A stub's query is empty: the judge fills its table. Rendering takes seconds, so a process does it once.
    """
    context = _context(overrides)
    queries = []
    for name in context.dag.sorted:
        schema_and_table = name.replace('"', "").partition(".")[2]
        if schema_and_table in _INPUTS:
            continue
        table = schema_and_table.partition(".")[2]
        model = context.get_model(name, raise_if_missing=True)
        # A view is what an embedded model is: a part of the queries that read it.
        kind = "VIEW" if model.kind.is_view or model.kind.is_embedded else "TABLE"
        rendered = model.render_query_or_raise(needs_optimization=False)
        query = f"CREATE {kind} {schema_and_table} AS {_local(context, rendered)}"
        audits = {
            audit.name: _local(context, model.render_audit_query(audit, **arguments))
            for audit, arguments in model.audits_with_args
            if audit.blocking
        }
        queries.append((table, "" if table.startswith("pair_replies_") else query, audits))
    return queries


def _local(context: Context, query: exp.Expression) -> str:
    """The query as text, its tables without the catalog of the project's database."""
    return query.sql(dialect="duckdb", identify=True).replace(f'"{context.default_catalog}".', "")


class JudgingPipeline:
    """Tables of one run, by the queries of the project.

    Args:
        variables: SQLMesh variables that differ from config.yaml.
        settings: DuckDB settings, such as ``threads`` and ``memory_limit``.

    Attributes:
        connection: where the tables are; its search path holds the schemas ``tacos`` and ``tacos_internal``.
        seconds: how long each table took, by name without schema; the judge's time under ``judge``.
    """

    def __init__(self, variables: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self._queries = _queries(tuple(sorted((variables or {}).items())))
        self.connection = duckdb.connect(config=dict(settings or {}))
        self.connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal")
        self.connection.execute("SET search_path = 'tacos,tacos_internal'")
        self.seconds: dict[str, float] = {}

    def run(
        self,
        samples: pd.DataFrame,
        clusters: pd.DataFrame,
        judge: Judge,
        *,
        judge_names: Sequence[str] = ("a function",),
        has_audits: bool = True,
    ) -> None:
        """Build all tables.

        Args:
            samples: ``sample_id``, and ``instruction`` and ``response`` unless they do not matter.
            clusters: ``sample_id`` and ``cluster_id``, ``n_tags`` unless it is 1 for all, and ``is_primary`` unless
                a sample belongs to the first cluster named for it.
            judge: who scores the pairs.
            judge_names: what the judge of each round is called; the last one stays for the rounds after.
            has_audits: whether the audits of every table are run; AssertionError names the first that fails.
        """
        samples = pd.DataFrame(
            {"instruction": "ask", "response": "answer", "system_prompt": None} | dict(samples.items())
        )
        given = {"n_tags": 1, "is_primary": ~clusters.duplicated("sample_id")}
        clusters = pd.DataFrame(given | dict(clusters.items()), index=clusters.index)
        self._create("tacos.samples", samples)
        self._create("tacos.clusters", clusters)
        self._create("tacos_internal.singleton_scores", pd.DataFrame({"sample_id": [], "score": []}))
        for table, query, audits in self._queries:
            started = time.perf_counter()
            if query:
                self.connection.execute(query)
                self.seconds[table] = time.perf_counter() - started
            else:
                judging_round = int(table.rpartition("_")[2])
                self._judge(table, judge, judge_names[min(judging_round, len(judge_names)) - 1])
            for audit, audit_query in audits.items() if has_audits else ():
                rows = self.connection.execute(audit_query).fetchmany(3)
                assert not rows, f"The audit {audit} of {table} fails: {rows}"

    def table(self, name: str, order_by: str = "ALL") -> pd.DataFrame:
        """A table as a frame, in a fixed order."""
        return self.connection.execute(f"SELECT * FROM {name} ORDER BY {order_by}").df()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(sql).fetchall()

    def has_table(self, name: str) -> bool:
        """Whether the table was built."""
        return bool(self.query(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{name}'"))

    def _judge(self, table: str, judge: Judge, name: str) -> None:
        pairs = self.connection.execute(f"SELECT * FROM {table.replace('pair_replies', 'pairs')}").df()
        started = time.perf_counter()
        first_scores, second_scores = judge(pairs) if len(pairs) else (np.empty(0), np.empty(0))
        self.seconds["judge"] = self.seconds.get("judge", 0.0) + time.perf_counter() - started
        replies = pd.DataFrame(
            {"pair_id": pairs["pair_id"], "first_score": first_scores, "second_score": second_scores}
        ).astype({"pair_id": "object", "first_score": "float64", "second_score": "float64"})
        self.connection.register("judged", replies)
        # A failed judgment arrives as NaN or NULL, as the frame's type has it.
        self.connection.execute(
            f"""CREATE TABLE tacos_internal.{table} AS
            SELECT pair_id, 'a function' AS raw_reply,
              CASE WHEN NOT COALESCE(ISNAN(first_score), TRUE)
                THEN STRUCT_PACK(first_score := first_score::INT, second_score := second_score::INT) END AS scores,
              CASE WHEN COALESCE(ISNAN(first_score), TRUE) THEN 'invalid_json: nothing to read' END AS error,
              FALSE AS is_cut, 1 AS n_attempts, $1 AS model_name, NULL::TEXT AS request_key,
              NULL::BIGINT AS n_prompt_tokens, NULL::BIGINT AS n_completion_tokens, FALSE AS is_cached,
              NULL::TIMESTAMP AS requested_at, NULL::TEXT AS prompt_sha256, NULL::TEXT AS code_digest
            FROM judged""",
            [name],
        )
        self.connection.unregister("judged")

    def _create(self, name: str, frame: pd.DataFrame) -> None:
        self.connection.register("given", frame)
        casts = ", ".join(f"{column}::{kind} AS {column}" for column, kind in _INPUTS[name].items())
        self.connection.execute(f"CREATE TABLE {name} AS SELECT {casts} FROM given")
        self.connection.unregister("given")


def sample_ids(numbers: Iterable[int], seed: int = 0) -> list[str]:
    """Ids like the project's: md5 in hex, one per number."""
    from hashlib import md5

    return [md5(f"{seed}-{number}".encode(), usedforsecurity=False).hexdigest() for number in numbers]
