"""Run models over any engine that the project has a gateway for, without plan or state, and measure each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from sqlglot import exp
from sqlmesh import Context
from sqlmesh.core.model import Model, PythonModel, SeedModel, SqlModel


class Meter:
    """Seconds, CPU seconds and peak memory of steps, of this process and those that it started (Spark's JVM).

    Attributes:
        steps: by name, what was measured; ``peak_gb`` is resident memory of the largest process during the step.
    """

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside, added to what the step had."""
        for process in _processes():
            with Path(f"/proc/{process.pid}/clear_refs").open("w") as file:
                file.write("5")  # resets the peak of resident memory
        started, cpu = time.perf_counter(), _cpu_seconds()
        yield
        taken = self.steps.setdefault(name, {"seconds": 0.0, "cpu_seconds": 0.0, "peak_gb": 0.0})
        taken["seconds"] += time.perf_counter() - started
        taken["cpu_seconds"] += _cpu_seconds() - cpu
        taken["peak_gb"] = max(taken["peak_gb"], max(_peak_gb(process) for process in _processes()))


class EngineRunner:
    """Makes the tables of models under their names, through SQLMesh's engine adapter of the gateway.

    Views and embedded models become views: an engine reads either as a part of the query that names it.

    Args:
        context: the loaded project.
        variables: variables that shall differ from those of ``config.yaml``.
    """

    def __init__(self, context: Context, variables: Mapping[str, Any]) -> None:
        self.context, self.engine_adapter = context, context.engine_adapter
        self._given = dict(variables)
        self._model_variables: Mapping[str, Any] = {}
        self._queries: dict[str, exp.Query] = {}
        for schema in ("tacos", "tacos_internal"):
            self.engine_adapter.create_schema(schema)

    def load(self, name: str, path: Path) -> None:
        """Make a table of a Parquet file."""
        if self.engine_adapter.spark is not None:
            self.engine_adapter.ctas(name, self.engine_adapter.spark.read.parquet(str(path)))
            return
        source = exp.Table(this=exp.ReadParquet(expressions=[exp.Literal.string(str(path))]))
        self.engine_adapter.ctas(name, exp.select("*").from_(source))

    def render(self, model: Model) -> None:
        """Render the query of a model of SQL, which takes as long for many rows as for few."""
        if isinstance(model, SqlModel):
            query = model.render_query_or_raise(engine_adapter=self.engine_adapter, variables=self._given)
            self._queries[model.fqn] = query

    def make(self, model: Model) -> None:
        """Make the table or view of a model, whose parents are there, and which was rendered if it is one of SQL."""
        columns = model.columns_to_types_or_raise
        if isinstance(model, SqlModel):
            query = self._queries[model.fqn]
            if model.kind.is_view or model.kind.is_embedded:
                self.engine_adapter.create_view(model.fqn, query)
            else:
                self.engine_adapter.ctas(model.fqn, query, columns)
        elif isinstance(model, SeedModel):
            frames = [frame for frame in model.render_seed() if isinstance(frame, pd.DataFrame)]
            rows = pd.concat(frames) if frames else pd.DataFrame(columns=list(columns))
            self.engine_adapter.ctas(model.fqn, rows, columns)
        elif isinstance(model, PythonModel):
            stand_in: Any = self  # for SQLMesh's ExecutionContext: it has what the project's models call
            for result in model.render(context=stand_in, start="2026-01-01", end="2026-01-01"):
                if not isinstance(result, exp.Query):
                    result = result[list(columns)] if isinstance(result, pd.DataFrame) else result.select(*columns)
                else:
                    result = exp.select(*columns).from_(result.subquery("result_rows"))
                self.engine_adapter.ctas(model.fqn, result, columns)

    def var(self, name: str) -> Any:
        """Value of a variable, as a Python model asks for it."""
        return {**self._model_variables, **self._given}.get(name)

    def with_variables(self, variables: Mapping[str, Any], **_: Any) -> EngineRunner:
        """SQLMesh gives a model its variables so."""
        self._model_variables = variables
        return self

    def resolve_table(self, name: str) -> str:
        """Where a model's table is, as a Python model asks for it."""
        return self.context.get_model(name, raise_if_missing=True).fqn

    def fetchdf(self, query: exp.Query) -> pd.DataFrame:
        """Result of a query, as a Python model asks for it."""
        return self.engine_adapter.fetchdf(query)


def _processes() -> list[psutil.Process]:
    here = psutil.Process(os.getpid())
    return [here, *here.children(recursive=True)]


def _cpu_seconds() -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _processes())


def _peak_gb(process: psutil.Process) -> float:
    lines: Iterable[str] = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("VmHWM")), 0.0)
