"""How SQLMesh makes tables on DuckDB: without what it does anew for every table, and need not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import wraps
from typing import Any

from sqlglot import exp

_OF_THE_RUN = re.compile(
    r"(start|end|execution|latest)_(d|ts|epoch|millis|hour)|runtime_stage|this_model|this_env|snapshot|resolve_"
    r"|evaluator\.engine_adapter",
    re.IGNORECASE,
)
"""What a query or a macro names that depends on when, where and from which tables a run makes a table."""


def execute_lightly() -> None:
    """Have SQLMesh render queries once, and comment on the columns of a table at once."""
    from sqlmesh.core.engine_adapter.duckdb import DuckDBEngineAdapter
    from sqlmesh.core.renderer import QueryRenderer

    if not hasattr(QueryRenderer.render, "__wrapped__"):  # a process may load the project several times
        _render_once(QueryRenderer)
        _comment_at_once(DuckDBEngineAdapter)


def _render_once(renderer: Any) -> None:
    """Take a model's query as it was rendered and optimized when the project was loaded, or first asked for.

    SQLMesh does both again before it makes the table, as the query could name the days of the run. Where neither it nor
    a macro of it names what belongs to the run, only the names of the tables are another's.
    """
    from sqlmesh.core.macros import RuntimeStage

    render_anew = renderer.render

    @wraps(render_anew)
    def render(
        self: Any,
        *times: Any,
        needs_optimization: bool = True,
        runtime_stage: RuntimeStage = RuntimeStage.LOADING,
        **options: Any,
    ) -> Any:
        is_to_run = needs_optimization and runtime_stage in (RuntimeStage.CREATING, RuntimeStage.EVALUATING)
        if not (is_to_run and _is_duckdb(options.get("engine_adapter")) and is_the_same_in_every_run(self._model)):
            return render_anew(
                self, *times, needs_optimization=needs_optimization, runtime_stage=runtime_stage, **options
            )
        query = render_anew(self)
        return query and _copied(query, self._resolve_tables(query, runtime_stage=runtime_stage, **options))

    renderer.render = render


def _copied(query: exp.Query, resolved: exp.Query) -> exp.Query:
    """What became of a query that others get as well, who may change theirs."""
    return resolved.copy() if resolved is query else resolved


def _is_duckdb(engine_adapter: Any) -> bool:
    return engine_adapter is not None and engine_adapter.dialect == "duckdb"


def is_the_same_in_every_run(model: Any) -> bool:
    """Whether the query of a model depends on nothing but the project and its variables; no if that is not certain.

    A macro may ask whether the engine is Spark: on DuckDB the answer is that of a project that has no engine yet.
    """
    from sqlmesh.core.dialect import Jinja

    if model is None or isinstance(model.query, Jinja):
        return False
    code = [model.query_.sql, *(definition.sql(dialect="duckdb") for definition in model.macro_definitions)]
    code += [executable.payload for executable in model.python_env.values()]
    return not any(map(_OF_THE_RUN.search, code))


def _comment_at_once(adapter: Any) -> None:
    """Comment on all columns of a table in one transaction: SQLMesh sends, and DuckDB commits, a statement for each.

    There are as many columns as a project has sentences about them, twice: in the tables and in the views over them.
    """
    comment_one_by_one = adapter._create_column_comments

    @wraps(comment_one_by_one)
    def create_column_comments(
        self: Any, table_name: Any, column_comments: Mapping[str, str], *others: Any, **options: Any
    ) -> None:
        pool = self._connection_pool  # SQLMesh's own transactions do nothing on DuckDB
        if pool.is_transaction_active:
            comment_one_by_one(self, table_name, column_comments, *others, **options)
            return
        table = exp.to_table(table_name)
        comments = [self._build_create_comment_column_exp(table, *comment) for comment in column_comments.items()]
        pool.begin()
        try:
            self.execute("; ".join(map(self._to_sql, comments)))
        except Exception:
            pool.rollback()
            comment_one_by_one(self, table_name, column_comments, *others, **options)  # it says which was refused
        else:
            pool.commit()

    adapter._create_column_comments = create_column_comments
