"""The report says what entered production's selection and what left it the last time that it changed, and why."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from python_models.report.changes import changes
from python_models.report.tables import Tables

COLUMNS = (
    "sample_id TEXT, cluster_label TEXT, instruction_start TEXT, entered_at TIMESTAMP, entered_because TEXT, "
    "entered_changes TEXT, left_at TIMESTAMP, left_because TEXT, left_changes TEXT"
)
FIRST = "('2026-11-01 03:00', 'first selection', '', NULL, NULL, NULL)"


@pytest.fixture
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA tacos; CREATE TABLE tacos.selection_history ({COLUMNS})")
        yield connection


def add(connection: duckdb.DuckDBPyConnection, sample: str, stay: str) -> None:
    connection.execute(
        f"INSERT INTO tacos.selection_history SELECT '{sample}', 'law', 'About {sample}', * FROM (VALUES {stay})"
    )


def test_before_the_first_selection_there_is_nothing(history: duckdb.DuckDBPyConnection) -> None:
    assert "nothing was chosen yet" in changes(Tables(history)).facts[0]


def test_the_first_selection_is_no_change(history: duckdb.DuckDBPyConnection) -> None:
    add(history, "a", FIRST)
    section = changes(Tables(history))
    assert "is its first, of 2026-11-01 03:00 UTC" in section.facts[0]
    assert not section.grids


def test_only_the_last_change_is_told(history: duckdb.DuckDBPyConnection) -> None:
    add(history, "a", FIRST)
    add(history, "b", "('2026-11-01 03:00', 'first selection', '', '2026-11-02 03:00', 'score', '')")
    add(
        history,
        "c",
        "('2026-11-01 03:00', 'first selection', '', '2026-11-03 03:00', 'quota', 'selection_size: 2 -> 1')",
    )
    add(history, "d", "('2026-11-03 03:00', 'new record', 'selection_size: 2 -> 1', NULL, NULL, NULL)")
    section = changes(Tables(history))
    assert section.facts == [
        "The last change of production's selection was on 2026-11-03 03:00 UTC: 1 sample entered, 1 left.",
        "Changed since the change before: selection_size: 2 -> 1.",
    ]
    assert [[cell.text for cell in row] for row in section.grids[0].rows] == [
        ["entered", "new record", "law", "About d"],
        ["left", "quota", "law", "About c"],
    ]
