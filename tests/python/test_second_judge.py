"""Pairs of the first round that the second judge judges as well: which ones, by whom, and where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from fake_endpoint import FakeEndpoint
from pairs_of_two_rounds import context_of

from python_models import prompts
from python_models.judging.judges import Judge
from python_models.judging.pairs import EMBEDDED, JudgingOptions
from python_models.judging.second_judge import judge_first_round_again, second_judge
from python_models.judging.wordings import audited_pairs
from python_models.llm.cache.response_cache import ResponseCache
from python_models.prompts import prompt_text, second_judge_prompts

PROMPTS = {"judge": prompt_text("judge_pair.txt"), "schema": prompt_text("judge_reply.schema.json")}
CHEAP, DEAR, NONE = Judge("cheap", ""), Judge("dear", "low"), Judge("", "")


def judged(two_rounds: duckdb.DuckDBPyConnection, share: float, model: str | None) -> list[dict[str, Any]]:
    options = None if model is None else JudgingOptions(model, PROMPTS, max_prompt_chars=200, max_attempts=1)
    return [
        row for batch in judge_first_round_again(context_of(two_rounds), options, share) for row in batch.to_pylist()
    ]


def test_a_share_of_the_first_round_is_judged_again_and_paid_once(
    two_rounds: duckdb.DuckDBPyConnection, judge_endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    rows = judged(two_rounds, 0.1, "dear")
    chosen = audited_pairs("pairs", "samples", 0.1, (1,), "second_judge").sql("duckdb")
    assert {row["pair_id"] for row in rows} == {row[0] for row in two_rounds.sql(chosen).fetchall()}
    assert 40 < len(rows) < 120
    assert {(row["model_name"], row["scores"]["first_score"]) for row in rows} == {("dear", 90)}
    assert judge_endpoint.record.n_requests == len(rows)
    judged(two_rounds, 0.1, "dear")
    assert judge_endpoint.record.n_requests == len(rows)
    with ResponseCache(tmp_path / "cache.sqlite", read_only=True) as cache:
        assert {usage.stage for usage in cache.usage()} == {"second_judge"}


def test_other_pairs_are_chosen_than_for_the_wording(two_rounds: duckdb.DuckDBPyConnection) -> None:
    """Else a pair that is hard for a wording would be taken for one that is hard for a judge."""
    found = [
        {row[0] for row in two_rounds.sql(audited_pairs("pairs", "samples", 0.3, (1,), salt).sql("duckdb")).fetchall()}
        for salt in ("wording", "second_judge")
    ]
    assert len(found[0] & found[1]) < 0.6 * min(map(len, found))


@pytest.mark.parametrize(("share", "model"), [(0, "dear"), (0.5, None)])
def test_nothing_is_asked_without_a_share_or_a_second_judge(
    two_rounds: duckdb.DuckDBPyConnection, judge_endpoint: FakeEndpoint, share: float, model: str | None
) -> None:
    assert judged(two_rounds, share, model) == []
    assert judge_endpoint.record.n_requests == 0


@pytest.mark.parametrize(
    ("n_rounds", "first", "final", "second"),
    [
        (3, CHEAP, DEAR, DEAR),
        (3, Judge(EMBEDDED, ""), DEAR, DEAR),
        (3, CHEAP, Judge("cheap", "low"), Judge("cheap", "low")),
        (3, CHEAP, NONE, None),
        (3, CHEAP, CHEAP, None),
        (3, CHEAP, Judge(EMBEDDED, ""), None),
        (1, CHEAP, DEAR, None),
    ],
)
def test_the_second_judge_is_another_one_that_can_be_asked(
    n_rounds: int, first: Judge, final: Judge, second: Judge | None
) -> None:
    assert second_judge(n_rounds, first, final) == second


@pytest.mark.parametrize("share", [0, 0.1])
def test_its_prompt_counts_only_where_it_is_asked(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    variables = {"audit_judge_share": share, "judge_wording": "b", "judge_model": "m", "final_judge_model": "n"}
    monkeypatch.setattr(prompts, "configured_variables", lambda: variables)
    assert second_judge_prompts().get("judge") == (prompt_text("judge_pair_b.txt") if share else None)
