"""The verdict at the end of a run says how many checks passed, and of those that fail by how much and what to do."""

from __future__ import annotations

from typing import Any

import duckdb

from python_models.cli.summary import _next_steps, verdict
from python_models.report.overview import verdict as report_verdict
from python_models.report.tables import Tables


def check(title: str, value: float | None, threshold: float, unit: str = "share") -> dict[str, Any]:
    is_failing = None if value is None else value > threshold
    row = {"title": title, "value": value, "threshold": threshold, "unit": unit, "is_failing": is_failing}
    return row | {"advice": f"Mend {title}."}


def test_a_sound_run_passes_all_that_was_measured() -> None:
    assert verdict([check("lost tags", 0.1, 0.5), check("failed calls", 0.0, 0.02)]) == "2 of 2 checks passed."


def test_what_could_not_be_measured_has_not_passed() -> None:
    shown = verdict([check("lost tags", 0.1, 0.5), check("judge flips", None, 0.25)])
    assert shown == "1 of 1 checks passed (1 had nothing to measure)."


def test_every_failure_has_its_value_its_limit_and_its_advice() -> None:
    checks = [
        check("judge flips", 0.31, 0.25),
        check("failed calls", 0.034, 0.02),
        check("position bias", 12.345, 10, "points"),
        check("length bias", 0.714, 0.6, "correlation"),
        check("lost tags", 0.1, 0.5),
    ]
    assert verdict(checks).splitlines() == [
        "1 of 5 checks passed; judge flips 31% (limit 25%): Mend judge flips.",
        "  failed calls 3.4% (limit 2%): Mend failed calls.",
        "  position bias 12.3 (limit 10): Mend position bias.",
        "  length bias 0.71 (limit 0.60): Mend length bias.",
    ]


def test_an_advice_with_line_ends_stays_on_its_line() -> None:
    assert len(verdict([check("a\nb\x1b[31m", 1.0, 0.5)]).splitlines()) == 1


def test_the_report_shows_every_check_with_its_light_its_measure_and_which_way_its_limit_goes() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE SCHEMA tacos; CREATE TABLE tacos.failure_signatures AS
            SELECT * FROM (VALUES
              (1, 'lost tags', 0.147, 0.5, 'share', FALSE, 'Lower it.'),
              (2, 'agreement', 0.2, 0.3, 'agreement', TRUE, 'Change it.'),
              (3, 'judge flips', NULL, 0.25, 'share', NULL, 'Take another.')
            ) AS t(check_no, title, value, threshold, unit, is_failing, advice)"""
        )
        section = report_verdict(Tables(connection))
    assert section.facts == ("1 of 3 checks passed, 1 failed, 1 could not be made.",)
    (grid,) = section.grids
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["fails", "agreement", "0.20", "at least 0.30", "Change it."],
        ["passes", "lost tags", "14.7%", "at most 50%", "–"],
        ["–", "judge flips", "–", "at most 25%", "–"],
    ]
    assert [row[0].light for row in grid.rows] == ["bad", "good", ""]


def test_the_next_steps_name_the_export_and_the_report() -> None:
    steps = _next_steps([{"sample_id": "0123456789abcdef"}])
    assert ".venv/bin/tacos export kept.jsonl --format messages" in steps
    assert "report.html" in steps
    assert "tacos explain 01234567" in steps
