"""The history of the selection: what entered and left, when and why, whatever became of the tables in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any, cast

import pytest
from made_selection import DAY, Outcome, Production, snapshots
from sqlglot import exp, parse_one
from sqlmesh import Context

from python_models.selection.configuration import changes_between, configuration_of
from python_models.selection.differences import REASONS, differences_query
from python_models.selection.history import CHANGES, EVENTS, LAST_STATE, make_tables, record_selection
from python_models.settings import PROJECT_ROOT

FIRST: list[Outcome] = [("a", 1, 1, 2, True), ("b", 1, 2, 2, True), ("c", 1, 3, 2, False), ("d", 1, 4, 2, False)]


@pytest.fixture
def empty() -> Iterator[Production]:
    production = Production()
    yield production
    production.connection.close()  # the threads of an open one would be forked where the project is loaded


@pytest.fixture
def production(empty: Production) -> Production:
    empty.run(FIRST, selection_size=2)
    return empty


def test_the_first_selection_enters_as_a_whole(production: Production) -> None:
    assert production.events() == [(1, "a", "entered", "first selection"), (1, "b", "entered", "first selection")]
    assert production.changes() == [(1, "", 2)]


def test_a_run_that_changes_nothing_leaves_no_trace(production: Production) -> None:
    production.run(FIRST, selection_size=2)
    assert len(production.events()) == 2
    assert len(production.changes()) == 1


def test_another_configuration_is_recorded_though_the_selection_stays(production: Production) -> None:
    production.run(FIRST, selection_size=3)
    production.run([*FIRST[:2], ("c", 1, 3, 3, True), FIRST[3]], selection_size=3)
    assert production.changes() == [(1, "", 2), (2, "selection_size: 2 -> 3", 2), (3, "", 3)]


@pytest.mark.parametrize(
    ("after", "events"),
    [
        pytest.param(
            [("a", 1, 1, 3, True), ("b", 1, 2, 3, True), ("c", 1, 3, 3, True), ("d", 1, 4, 3, False)],
            [("c", "entered", "quota")],
            id="the cluster keeps one more",
        ),
        pytest.param(
            [("a", 1, 1, 2, True), ("b", 1, 3, 2, False), ("c", 1, 2, 2, True), ("d", 1, 4, 2, False)],
            [("b", "left", "score"), ("c", "entered", "score")],
            id="two change their places",
        ),
        pytest.param(
            [("a", 1, 1, 3, True), ("b", 1, 2, 3, True), ("c", 1, 4, 3, False), ("d", 1, 3, 3, True)],
            [("d", "entered", "score and quota")],
            id="a better rank and one place more",
        ),
        pytest.param(
            [("a", 1, 1, 2, True), ("c", 1, 2, 2, True), ("d", 1, 3, 2, False)],
            [("b", "left", "record gone"), ("c", "entered", "score")],
            id="a record is gone",
        ),
        pytest.param(
            [("n", 1, 1, 2, True), ("a", 1, 2, 2, True), ("b", 1, 3, 2, False), *FIRST[2:]],
            [("b", "left", "score"), ("n", "entered", "new record")],
            id="a new record",
        ),
        pytest.param(
            [("a", 7, 1, 1, True), ("b", 7, 2, 1, False), ("c", 7, 3, 1, False), ("d", 8, 1, 1, True)],
            [("b", "left", "quota"), ("d", "entered", "cluster moved")],
            id="clusters of other numbers",
        ),
        pytest.param(
            [("a", 1, 1, 2, True), ("b", None, None, None, False), ("c", 1, 2, 2, True), ("d", 1, 3, 2, False)],
            [("b", "left", "no candidate"), ("c", "entered", "score")],
            id="no candidate any more",
        ),
    ],
)
def test_why_a_sample_enters_or_leaves(
    production: Production, after: list[Outcome], events: list[tuple[str, ...]]
) -> None:
    production.run(after, selection_size=2)
    assert [event[1:] for event in production.events() if event[0] == 2] == events


def test_a_candidate_that_was_none_before(production: Production) -> None:
    production.run([*FIRST, ("e", None, None, None, False)], selection_size=2)
    production.run([*FIRST, ("e", 2, 1, 1, True)], selection_size=2)
    assert production.events()[2:] == [(2, "e", "entered", "new candidate")]


def test_a_run_that_was_never_recorded_is_seen_by_the_next(production: Production) -> None:
    production.set([("a", 1, 1, 1, True)])
    production.run([*FIRST[:2], ("c", 1, 3, 3, True), FIRST[3]], selection_size=2)
    assert production.events()[2:] == [(2, "c", "entered", "quota")]


def test_tables_of_two_runs_are_not_recorded(production: Production) -> None:
    """A run that failed after the selection, before the outcomes: neither says what the other does."""
    production.connection.execute("DELETE FROM tacos.selected WHERE sample_id = 'b'")
    production.record(selection_size=2)
    assert len(production.changes()) == 1
    production.run([("a", 1, 1, 1, True), ("b", 1, 2, 1, False)], selection_size=2)
    assert production.events()[2:] == [(2, "b", "left", "quota")]


def test_events_without_a_change_are_no_history(production: Production) -> None:
    """What an engine without transactions keeps of a kill: it is found again, under another number."""
    production.connection.execute(f"INSERT INTO {EVENTS} (change_no, sample_id, event) VALUES (2, 'c', 'entered')")
    production.run([*FIRST[:2], ("c", 1, 3, 3, True), FIRST[3]], selection_size=2)
    assert production.events()[2:] == [(2, "c", "entered", None), (3, "c", "entered", "quota")]


def test_a_state_that_is_lost_costs_the_reason_and_nothing_else(production: Production) -> None:
    production.connection.execute(f"DELETE FROM {LAST_STATE}")
    production.run([("a", 1, 1, 1, True), ("b", 1, 2, 1, False)], selection_size=2)
    assert [event[1:3] for event in production.events()[2:]] == [("b", "left")]


def test_a_clock_that_was_set_back_makes_no_stay_end_before_it_began(production: Production) -> None:
    record_selection(production.adapter, snapshots(selection_size=1), DAY - timedelta(days=400))
    times = [
        row[0] for row in production.connection.sql(f"SELECT recorded_at FROM {CHANGES} ORDER BY change_no").fetchall()
    ]
    assert times == sorted(times)
    assert len(times) == 2


def test_a_project_without_the_selection_has_no_history(empty: Production) -> None:
    empty.record()
    assert empty.changes() == []


def test_older_tables_get_the_columns_that_they_lack(production: Production) -> None:
    production.connection.execute(f"ALTER TABLE {EVENTS} DROP COLUMN reason")
    make_tables(production.adapter)
    assert "reason" in production.adapter.columns(EVENTS)


def test_every_reason_is_explained() -> None:
    query = parse_one(differences_query("SELECT 1", "SELECT 1"), dialect="duckdb")
    literals = {node.name for node in query.find_all(exp.Literal) if node.is_string}
    assert literals - {"entered", "left"} == set(REASONS) - {"first selection"}


def test_the_configuration_is_that_of_the_models_above(project: Context) -> None:
    configuration = configuration_of(project.snapshots, "tacos.selected")
    assert {"selection_size", "n_clusters", "dataset", "judge_model", "code of tacos.tag_map"} <= set(configuration)
    assert "code of tacos_internal.tag_aliases" in configuration
    assert not {"max_flip_rate", "code of tacos.judge_reliability"} & set(configuration)


def test_what_a_configuration_changes() -> None:
    before = {"a": "1", "gone": '"x"', "code of t.a": "1", "code of t.b": "1", "prompts of t.a": "1"}
    after = {"a": "2", "new": '""', "code of t.a": "2", "code of t.b": "1", "prompts of t.a": "2"}
    assert (
        changes_between(before, after)
        == "a: 1 -> 2; gone: x -> (none); new: (none) -> (empty); prompts of t.a; code of t.a"
    )
    many = {f"code of t.{name}": "1" for name in "abcde"}
    assert changes_between({}, many) == "code of t.a, t.b, t.c and 2 more"
    assert changes_between(after, after) == ""


def the_macro() -> Callable[[Any], str]:
    """By its file: where SQLMesh loaded another project in this process, `macros` is the folder of that one."""
    spec = spec_from_file_location("the_macro_of_the_history", PROJECT_ROOT / "macros" / "selection_history.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Callable[[Any], str]", module.selection_history)


@pytest.mark.parametrize(("environment", "n_changes"), [("prod", 1), ("dev", 0), ("prod_2", 0)])
def test_only_production_is_recorded(empty: Production, environment: str, n_changes: int) -> None:
    empty.set(FIRST)
    evaluator = SimpleNamespace(
        engine_adapter=empty.adapter, runtime_stage="after_all", this_env=environment, snapshots=snapshots(a=1)
    )
    the_macro()(evaluator)
    assert len(empty.changes()) == n_changes


@pytest.mark.parametrize("stage", ["loading", "creating", "evaluating", "promoting"])
def test_nothing_is_recorded_while_the_project_is_loaded(stage: str) -> None:
    """There is no engine then: whoever asks for one is told so by an error."""
    assert the_macro()(SimpleNamespace(runtime_stage=stage)).startswith("SELECT 1")
