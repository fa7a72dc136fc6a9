"""What SQLMesh leaves out when it makes tables on DuckDB: that the tables and their comments are as if it did not."""

from __future__ import annotations

import logging
from typing import Any

import duckdb
import pytest
from sqlmesh import Context
from sqlmesh.core.dialect import parse
from sqlmesh.core.engine_adapter import create_engine_adapter
from sqlmesh.core.macros import RuntimeStage, macro
from sqlmesh.core.model import Model, SqlModel, load_sql_based_model
from sqlmesh.core.renderer import QueryRenderer

from python_models.execution import execute_lightly, is_the_same_in_every_run

# What they say when they fail depends on who has which version of a table, and two are made by days.
OF_THE_RUN = {
    "tacos.raw_tags",
    "tacos.selection_history",
    "tacos.source_counts",
    "tacos_internal.memberships",
    "tacos_internal.tag_failures",
}


def sql_models(project: Context) -> list[Model]:
    return [model for model in project.models.values() if isinstance(model, SqlModel)]


def of_a_run(project: Context) -> dict[str, Any]:
    """What SQLMesh renders a query with, when it makes a table."""
    return {
        "start": "2026-01-01",
        "end": "2026-01-02",
        "execution_time": "2026-01-03",
        "snapshots": project.snapshots,
        "runtime_stage": RuntimeStage.EVALUATING,
        "engine_adapter": project.engine_adapter,
    }


def test_a_query_is_what_sqlmesh_would_render_for_the_run(project: Context) -> None:
    anew = QueryRenderer.render.__wrapped__  # type: ignore[attr-defined]
    for model in sql_models(project):
        rendered = model.render_query(**of_a_run(project))
        assert rendered == anew(model._query_renderer, **of_a_run(project)), model.name


def test_a_query_is_rendered_and_optimized_once(project: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked for: of all but the models whose queries name something of the run."""
    for model in sql_models(project):
        model.render_query()
    rendered = []
    optimize = QueryRenderer._optimize_query

    def counted(self: QueryRenderer, *arguments: Any) -> Any:
        rendered.append(self._model.name if self._model else None)
        return optimize(self, *arguments)

    monkeypatch.setattr(QueryRenderer, "_optimize_query", counted)
    for model in sql_models(project):
        model.render_query(**of_a_run(project))
    assert set(rendered) <= OF_THE_RUN
    assert {model.name for model in sql_models(project) if not is_the_same_in_every_run(model)} == OF_THE_RUN


def test_a_query_may_be_changed_by_who_gets_it() -> None:
    model = sql_model("SELECT 1 AS a")
    options = {
        "runtime_stage": RuntimeStage.EVALUATING,
        "engine_adapter": create_engine_adapter(duckdb.connect, "duckdb"),
    }
    first = model.render_query_or_raise(**options)
    first.selects[0].this.replace(parse("2")[0])
    assert model.render_query_or_raise(**options).sql() == 'SELECT 1 AS "a"'


@macro()
def stage_of_the_run(evaluator: Any) -> str:
    return f"'{evaluator.runtime_stage}'"


def sql_model(query: str, head: str = "") -> SqlModel:
    expressions = parse(f"MODEL (name a.b, kind FULL); {head} {query}", default_dialect="duckdb")
    model = load_sql_based_model(expressions, macros=macro.get_registry(), dialect="duckdb")
    assert isinstance(model, SqlModel)
    return model


@pytest.mark.parametrize(
    ("query", "is_same"),
    [
        ("SELECT 1 AS a", True),
        ("SELECT @start_ds AS a", False),
        ("SELECT @EXECUTION_DT AS a", False),
        ("SELECT @IF(@runtime_stage = 'evaluating', 1, 2) AS a", False),
        ("SELECT 1 AS a FROM @this_model", False),
        ("SELECT @STAGE_OF_THE_RUN() AS a", False),
        ("JINJA_QUERY_BEGIN; SELECT '{{ start_ds }}' AS a; JINJA_END;", False),
    ],
)
def test_a_query_that_depends_on_the_run_is_rendered_for_it(query: str, is_same: bool) -> None:
    assert is_the_same_in_every_run(sql_model(query)) == is_same


def test_so_is_one_whose_definitions_do() -> None:
    assert not is_the_same_in_every_run(sql_model("SELECT @day AS a", "@DEF(day, @end_ds);"))


COMMENTS = {"a": "It's; the first.", 'b "c"': "Ünï\n-- no comment"}


@pytest.fixture
def table() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute('CREATE TABLE t (a INT, "b ""c""" INT, d INT)')
    return connection


def comments_of(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    query = "SELECT column_name, comment FROM DUCKDB_COLUMNS() WHERE comment IS NOT NULL"
    return dict(connection.execute(query).fetchall())


def test_the_columns_of_a_table_get_their_comments_at_once(
    table: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_lightly()
    adapter = create_engine_adapter(lambda: table, "duckdb")
    executed: list[str] = []
    execute = adapter._execute
    monkeypatch.setattr(adapter, "_execute", lambda sql, *others: executed.append(sql) or execute(sql, *others))
    adapter._create_column_comments("memory.main.t", COMMENTS)
    assert comments_of(table) == COMMENTS
    assert len(executed) == 1


def test_the_comments_of_a_table_are_one_transaction(
    table: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_lightly()
    adapter = create_engine_adapter(lambda: table, "duckdb")
    execute = adapter._execute
    seen: list[dict[str, str]] = []

    def looked_at(sql: str, *others: Any) -> None:
        execute(sql, *others)
        seen.append(comments_of(table))  # by another connection: it sees what is committed

    monkeypatch.setattr(adapter, "_execute", looked_at)
    adapter._create_column_comments("main.t", COMMENTS)
    assert seen == [{}]
    assert comments_of(table) == COMMENTS


def test_comments_join_a_transaction_that_is_open(table: duckdb.DuckDBPyConnection) -> None:
    execute_lightly()
    adapter = create_engine_adapter(lambda: table, "duckdb")
    adapter._connection_pool.begin()
    adapter._create_column_comments("main.t", COMMENTS)
    assert adapter._connection_pool.is_transaction_active
    adapter._connection_pool.rollback()
    assert comments_of(table) == {}


def test_a_comment_that_cannot_be_made_is_told_and_the_others_are_made(
    table: duckdb.DuckDBPyConnection, caplog: pytest.LogCaptureFixture
) -> None:
    execute_lightly()
    adapter = create_engine_adapter(lambda: table, "duckdb")
    with caplog.at_level(logging.WARNING):
        adapter._create_column_comments("main.t", {"d": "The last.", "gone": "Not there."} | COMMENTS)
    assert "'gone'" in caplog.text
    assert comments_of(table) == {"d": "The last."} | COMMENTS
    table.execute("BEGIN; ROLLBACK")  # no transaction is left open
