"""``tacos selection-diff``: what a promotion would change in the selection, and what changed in it since a day."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from made_selection import Outcome, Production
from sqlglot import exp
from sqlmesh import Context

from python_models.cli import selection_diff
from python_models.cli.warehouse import WarehouseError

PROD: list[Outcome] = [("a", 1, 1, 2, True), ("b", 1, 2, 2, True), ("c", 1, 3, 2, False), ("gone", 1, 4, 2, False)]
DEV: list[Outcome] = [("a", 1, 1, 3, True), ("b", 1, 4, 3, False), ("c", 1, 3, 3, True), ("new", 2, 1, 1, True)]


@pytest.fixture(autouse=True)
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Context) -> None:
    """Production as it was recorded on 2, 3 and 4 January, and an environment dev that was planned after it."""
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("TACOS_DATABASE", str(path))
    production = Production(str(path))
    production.run(PROD, selection_size=2)
    production.run([PROD[0], ("b", 1, 2, 1, False), *PROD[2:]], selection_size=1)
    production.run(PROD, selection_size=2)
    production.set(DEV, environment="__dev")
    query = project.models[next(name for name in project.models if "selection_history" in name)].render_query_or_raise()
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    production.connection.execute(f"CREATE VIEW tacos.selection_history AS {query.sql('duckdb')}")
    production.connection.execute("CREATE SCHEMA tacos__other; CREATE SCHEMA tacos_internal__other")
    production.connection.execute("CREATE TABLE tacos_internal__other.clusters AS SELECT 1")
    production.connection.close()


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    parser = argparse.ArgumentParser()
    selection_diff.add_parser(parser.add_subparsers())
    options = parser.parse_args(["selection-diff", *arguments])
    assert options.run(options) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(capsys, "--json", *arguments))
    return found


def test_what_a_promotion_would_change(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys)
    assert text.startswith("2 samples entered and 1 left from prod to dev.")
    assert "+1        new record" in text
    assert "+1 -1 c1\n+1 -0 c2\n" in text
    assert "- b  About b\n    score: number 2 of 9 (kept: 2) in c1 -> number 4 of 9 (kept: 3) in c1" in text
    assert "+ new  About new\n    new record: number 1 of 9 (kept: 1) in c2" in text


def test_the_other_way_round(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "prod", "--against", "dev")
    assert {(row["sample_id"], row["event"], row["reason"]) for row in found["samples"]} == {
        ("b", "entered", "score"),
        ("c", "left", "quota"),
        ("new", "left", "record gone"),
    }
    assert {row["sample_id"]: row["instruction_start"] for row in found["samples"]}["new"] == "About new"
    assert (found["n_entered"], found["n_left"]) == (1, 2)


def test_an_environment_that_changes_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "other") == "The selection is the same from prod to other.\n"


def test_what_is_listed_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    assert "... and 1 more: --limit 0 lists all." in told(capsys, "--limit", "1")
    assert "more: --limit" not in told(capsys, "--limit", "0")


def test_what_changed_since_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "--since", "2026-01-03T12:00:00")
    assert text.startswith("changed 2026-01-04 12:00: selection_size: 1 -> 2\n1 sample entered and 0 left since 2026-")
    assert "+ b  About b\n    quota on 2026-01-04 12:00: c1" in text


def test_a_day_that_is_none_is_told_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        told(capsys, "--since", "tomorrow")
    assert "'tomorrow' is no day or time in UTC such as 2026-11-20" in capsys.readouterr().err


def test_what_left_and_came_back_since_then_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "--since", "2026-01-03")
    assert text.count("changed ") == 2
    assert "The selection is the same since 2026-01-03 00:00." in text


def test_a_time_of_another_zone_is_the_same_moment(capsys: pytest.CaptureFixture[str]) -> None:
    assert "since 2026-01-03 10:00" in told(capsys, "--since", "2026-01-03T12:00+02:00")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nix",), "no environment 'nix' in the warehouse; there are: dev, other, prod"),
        (("--since", "2026-01-02"), "does not reach back to 2026-01-02 00:00: it begins on 2026-01-02 at 12:00:00"),
        (("dev", "--since", "2026-01-03"), "The history is that of prod"),
    ],
)
def test_what_cannot_be_told_is_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(WarehouseError, match=message.replace("(", r"\(")):
        told(capsys, *arguments)


def test_a_day_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        told(capsys, "--since", "yesterday")
    assert "argument --since" in capsys.readouterr().err
