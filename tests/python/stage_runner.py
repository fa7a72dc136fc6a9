"""Run the models of a stage on given tables, without plan, state or warehouse: for tests and benchmarks.

What runs is the project itself: the SQL that SQLMesh renders, and the Python models as they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import duckdb
import pandas as pd
from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core.engine_adapter import create_engine_adapter
from sqlmesh.core.model import PythonModel, SeedModel, SqlModel

from python_models.selection.history import make_tables


class StageRunner:
    """The models of some stages, in the order of their dependencies, over one DuckDB connection.

    Args:
        context: the loaded project.
        stages: tags of the models to run, e.g. ``["normalization"]``.
        connection: where the tables are made; its memory and threads are the caller's choice.
        variables: variables that shall differ from those of ``config.yaml``.
        start, end: the days that models by time range process.
    """

    def __init__(
        self,
        context: Context,
        stages: list[str],
        connection: duckdb.DuckDBPyConnection,
        variables: Mapping[str, Any] | None = None,
        start: date = date(2026, 1, 1),
        end: date = date(2026, 1, 1),
    ) -> None:
        self.connection = connection
        self.given_variables = dict(variables or {})
        self.start, self.end = start, end
        self._model_variables: Mapping[str, Any] = {}
        self._blueprint_variables: Mapping[str, Any] = {}
        self.seconds: dict[str, float] = {}
        # Where a model's table is, if not under its name: in an environment, the name is production's view.
        self.physical_tables: dict[str, str] = {}
        self.engine_adapter = create_engine_adapter(lambda: connection, "duckdb")
        chosen = {name: model for name, model in context.models.items() if set(model.tags) & set(stages)}
        self.models = [chosen[name] for name in context.dag.sorted if name in chosen]
        self._seeds: dict[str, pd.DataFrame] = {}
        self._queries: dict[str, str] = {}
        self._audits: dict[str, list[tuple[str, str]]] = {}

    def var(self, name: str) -> Any:
        """Value of a variable, as a Python model asks for it."""
        return {**self._model_variables, **self.given_variables}.get(name)

    def blueprint_var(self, name: str) -> Any:
        """Value of a variable of the model's blueprint, as a Python model asks for it."""
        return self._blueprint_variables[name]

    def with_variables(
        self, variables: Mapping[str, Any], blueprint_variables: Mapping[str, Any] | None = None
    ) -> StageRunner:
        """SQLMesh gives a model its variables so; those given to this runner stand above them."""
        self._model_variables, self._blueprint_variables = variables, blueprint_variables or {}
        return self

    def resolve_table(self, name: str) -> str:
        """Where a model's table is, as a Python model asks for it."""
        table = exp.to_table(self.physical_tables.get(name, name))
        return exp.table_(table.name, db=table.db).sql(dialect="duckdb", identify=True)

    def fetchdf(self, query: exp.Expression) -> pd.DataFrame:
        """Result of a query, as a Python model asks for it."""
        return self.connection.sql(query.sql(dialect="duckdb")).df()

    def set_seed(self, name: str, rows: pd.DataFrame) -> None:
        """Give a seed model other rows than those of its file."""
        self._seeds[name] = rows

    def set_table(self, name: str, rows: pd.DataFrame) -> None:
        """Make a table that the stage reads, e.g. ``tacos.raw_tags``."""
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {exp.to_table(name).db}")
        self.connection.register("given_rows", rows)
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given_rows")
        self.connection.unregister("given_rows")

    def run(self) -> None:
        """Make the tables of all models; ``seconds`` says how long each took."""
        self.run_models([model.name for model in self.models])

    def run_models(self, names: Collection[str]) -> None:
        """Make the tables of these models only."""
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS tacos; CREATE SCHEMA IF NOT EXISTS tacos_internal")
        for model in self.models:
            if model.name not in names:
                continue
            started = time.perf_counter()
            table = self.resolve_table(model.name)
            if model.name == "tacos.selection_history":
                make_tables(self.engine_adapter)  # before_all makes them for a plan
            if isinstance(model, SeedModel):
                self._make_seed(model)
            elif isinstance(model, SqlModel):
                self.connection.execute(f"CREATE OR REPLACE TABLE {table} AS {self._query(model)}")
            elif isinstance(model, PythonModel):
                self._make_python_table(model, table)
            self.seconds[model.name] = time.perf_counter() - started

    def failed_audits(self, name: str) -> dict[str, str]:
        """Audits of a model that fail on the tables made, by name: the error that it raised, or how many rows."""
        failed = {}
        for audit, sql in self._audit_queries(name):
            try:
                n_rows = len(self.connection.sql(sql).fetchall())
            except duckdb.InvalidInputException as error:
                failed[audit] = str(error)
                continue
            if n_rows:
                failed[audit] = f"{n_rows} rows"
        return failed

    def _audit_queries(self, name: str) -> list[tuple[str, str]]:
        if name not in self._audits:
            model = next(model for model in self.models if model.name == name)
            self._audits[name] = []
            for audit, arguments in model.audits_with_args:
                given: dict[str, Any] = dict(arguments)
                self._audits[name].append((audit.name, _unqualified(model.render_audit_query(audit, **given))))
        return self._audits[name]

    def _query(self, model: SqlModel) -> str:
        if model.name not in self._queries:
            self._queries[model.name] = _unqualified(
                model.render_query_or_raise(
                    start=self.start, end=self.end, needs_optimization=False, variables=self.given_variables
                )
            )
        return self._queries[model.name]

    def _make_seed(self, model: SeedModel) -> None:
        given = self._seeds.get(model.name)
        frames = [given] if given is not None else [f for f in model.render_seed() if isinstance(f, pd.DataFrame)]
        if frames:
            self.set_table(model.name, pd.concat(frames))
            return
        columns = ", ".join(f'"{n}" {kind.sql("duckdb")}' for n, kind in model.columns_to_types_or_raise.items())
        self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} ({columns})")

    def _make_python_table(self, model: PythonModel, table: str) -> None:
        columns = ", ".join(f'"{n}" {kind.sql("duckdb")}' for n, kind in model.columns_to_types_or_raise.items())
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        names = ", ".join(model.columns_to_types_or_raise)
        for result in self._results(model):
            source = "result_rows"
            if isinstance(result, pd.DataFrame):
                self.connection.register("result_rows", result)
            else:
                source = f"({result.sql(dialect='duckdb')})"
            self.connection.execute(f"INSERT INTO {table} SELECT {names} FROM {source}")

    def _results(self, model: PythonModel) -> Iterator[Any]:
        # The runner stands in for SQLMesh's ExecutionContext: it has the methods that the project's models call.
        stand_in: Any = self
        yield from model.render(context=stand_in, start=self.start, end=self.end, execution_time=self.end)


def _unqualified(query: Any) -> str:
    """SQL of a rendered query, its tables without the catalog of the project's warehouse."""
    copy = query.copy()
    for table in copy.find_all(exp.Table):
        table.set("catalog", None)
    return str(copy.sql(dialect="duckdb"))
