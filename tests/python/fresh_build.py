"""The tables that a build from nothing makes of a loaded project: every model in the order of the graph, run directly.

No plan, no state, no intervals: nothing can be left over from before. What a planned change leaves has to equal it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from sqlmesh import Context
from sqlmesh.core.model import Model
from stage_runner import StageRunner

STAGES = ["source", "tagging", "normalization", "clustering", "judging", "selection", "diagnostics"]
# The history tells what was, which no table at hand holds: a build from nothing begins another one.
HISTORY = "tacos.selection_history"
# How a reply came this time, not what it says.
VOLATILE = {"is_cached", "requested_at"}


def tables_of(context: Context) -> list[Model]:
    """The models that have a table or a view, in the order of their dependencies."""
    models = (context.models[name] for name in context.dag.sorted if name in context.models)
    return [model for model in models if not (model.kind.is_external or model.kind.is_embedded)]


def build_fresh(context: Context, path: Path) -> None:
    """Make every table of the project in the DuckDB file ``path``."""
    with duckdb.connect(str(path)) as connection:
        StageRunner(context, STAGES, connection, start=date(2020, 1, 1), end=datetime.now(UTC).date()).run()


def differing_tables(context: Context, warehouse: Path, fresh: Path) -> list[str]:
    """Names of the tables whose rows in production differ from those of the fresh build, volatile columns left out."""
    differing = []
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{warehouse}' AS warehouse (READ_ONLY); ATTACH '{fresh}' AS fresh (READ_ONLY)")
        for model in tables_of(context):
            if model.name == HISTORY:
                continue
            columns = ", ".join(f'"{name}"' for name in model.columns_to_types_or_raise if name not in VOLATILE)
            planned, built = (
                f"SELECT {columns} FROM {base}.{model.schema_name}.{model.view_name}" for base in ("warehouse", "fresh")
            )
            difference = f"({planned} EXCEPT ALL {built}) UNION ALL ({built} EXCEPT ALL {planned})"
            try:
                n_rows = len(connection.execute(difference).fetchall())
            except duckdb.Error as error:
                differing.append(f"{model.name}: {error}")
                continue
            if n_rows:
                differing.append(f"{model.name}: {n_rows} rows differ")
        names = {(model.schema_name, model.view_name) for model in tables_of(context)}
        views = connection.execute(
            "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'warehouse' "
            "AND schema_name IN ('tacos', 'tacos_internal')"
        ).fetchall()
        differing += [f"{schema}.{view} is left over" for schema, view in sorted(set(views) - names)]
    return differing
