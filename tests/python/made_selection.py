"""A warehouse whose selection is set by hand and recorded as after a run: for what tells of its changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb
from sqlmesh.core import constants
from sqlmesh.core.engine_adapter import create_engine_adapter

from python_models.selection.history import CHANGES, EVENTS, make_tables, record_selection

DAY = datetime(2026, 1, 1, 12)
Outcome = tuple[str, int | None, int | None, int | None, bool]
"""Sample, cluster, rank there, last rank kept there, whether it is kept."""


def snapshots(**variables: Any) -> Any:
    """The snapshots of a project of one model, planned with these variables."""
    stored = SimpleNamespace(payload=repr(variables))
    model = SimpleNamespace(name="tacos.selected", python_env={constants.SQLMESH_VARS: stored})
    return {"selected": SimpleNamespace(name="selected", model=model, parents=(), is_model=True)}


class Production:
    """A warehouse whose selection is set by hand, and recorded as after a run."""

    def __init__(self, path: str = ":memory:") -> None:
        self.connection = duckdb.connect(path)
        self.adapter = create_engine_adapter(lambda: self.connection, "duckdb")
        self.connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal")
        make_tables(self.adapter)
        self.n_runs = 0

    def set(self, outcomes: list[Outcome], environment: str = "") -> None:
        """Set the tables of production, or of an environment ``__dev``."""
        public, internal = f"tacos{environment}", f"tacos_internal{environment}"
        columns = "sample_id, cluster_id, cluster_rank, last_kept_rank, is_selected"
        self.connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS {public}; CREATE SCHEMA IF NOT EXISTS {internal};"
            f"CREATE OR REPLACE TABLE {internal}.sample_outcomes (sample_id TEXT, cluster_id INT, cluster_rank "
            "BIGINT, last_kept_rank BIGINT, is_selected BOOLEAN, n_cluster_candidates BIGINT DEFAULT 9)"
        )
        for outcome in outcomes:
            self.connection.execute(
                f"INSERT INTO {internal}.sample_outcomes ({columns}) VALUES (?, ?, ?, ?, ?)", outcome
            )
        for table, query in {
            "selected": f"SELECT sample_id FROM {internal}.sample_outcomes WHERE is_selected",
            "samples": f"SELECT sample_id, 'About ' || sample_id AS instruction FROM {internal}.sample_outcomes",
            "cluster_labels": "SELECT DISTINCT cluster_id, 'c' || cluster_id AS label "
            f"FROM {internal}.sample_outcomes WHERE cluster_id IS NOT NULL",
        }.items():
            self.connection.execute(f"CREATE OR REPLACE TABLE {public}.{table} AS {query}")

    def record(self, **variables: Any) -> None:
        self.n_runs += 1
        record_selection(self.adapter, snapshots(**variables), DAY + timedelta(days=self.n_runs))

    def run(self, outcomes: list[Outcome], **variables: Any) -> None:
        self.set(outcomes)
        self.record(**variables)

    def events(self) -> list[tuple[Any, ...]]:
        return self.connection.sql(
            f"SELECT change_no, sample_id, event, reason FROM {EVENTS} ORDER BY change_no, sample_id"
        ).fetchall()

    def changes(self) -> list[tuple[Any, ...]]:
        return self.connection.sql(
            f"SELECT change_no, configuration_changes, n_selected FROM {CHANGES} ORDER BY 1"
        ).fetchall()
