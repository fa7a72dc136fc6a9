"""Who judges which round, and what is estimated for each of two judges before anything is paid."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from python_models.cli import estimate
from python_models.judging.judges import Judge, judge_of_round

FIRST, FINAL = Judge("small", "none"), Judge("large", "low")
VARIABLES = {
    "judge_model": "small",
    "judge_effort": "none",
    "final_judge_model": "large",
    "final_judge_effort": "low",
    "judging_profile": "halving",
    "cluster_membership": "primary",
    "judge_calls_per_sample": 1.5,
    "audit_pair_share": 0.05,
}


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TACOS_DATABASE", str(tmp_path / "warehouse.duckdb"))
    return tmp_path / "warehouse.duckdb"


def test_the_final_judge_takes_over_after_the_first_round() -> None:
    assert [judge_of_round(number, FIRST, FINAL) for number in (1, 2, 3)] == [FIRST, FINAL, FINAL]
    assert judge_of_round(2, FIRST, Judge("", "low")) == FIRST


@pytest.mark.parametrize(("calls_per_sample", "final_calls"), [(1.0, 500), (1.5, 500), (2.0, 1000)])
def test_each_judge_has_its_bound_before_tagging(calls_per_sample: float, final_calls: int) -> None:
    calls = estimate._judging_calls(1_000, VARIABLES | {"judge_calls_per_sample": calls_per_sample})
    assert calls["large"] == (final_calls, 0)
    assert calls["small"][0] >= calls_per_sample * 1_000 - final_calls


def test_one_judge_has_one_bound() -> None:
    assert list(estimate._judging_calls(1_000, VARIABLES | {"final_judge_model": ""})) == ["small"]
    assert list(estimate._judging_calls(1_000, VARIABLES | {"judging_profile": "paper"})) == ["small"]


def test_planned_rounds_are_counted_for_their_judge(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            """CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal;
            CREATE TABLE tacos.samples AS SELECT 'a' AS sample_id UNION ALL SELECT 'b';
            CREATE TABLE tacos_internal.judging_plan AS
              SELECT * FROM (VALUES (1, 7), (1, 3), (2, 4), (3, 2)) AS plan(judging_round, n_calls);
            CREATE TABLE tacos.pair_replies AS SELECT * FROM (
              VALUES ('small', NULL), ('small', 'truncated'), ('large', NULL)) AS replies(model_name, error)"""
        )
    assert estimate._judging_calls(2, VARIABLES) == {"small": (10, 1), "large": (6, 1)}
