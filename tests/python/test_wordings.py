"""Pairs judged in the other wording as well: which ones, by whom, and what it costs where it is off: nothing."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fake_endpoint import FakeEndpoint
from pairs_of_two_rounds import N_PAIRS, context_of

from python_models import prompts
from python_models.judging.judges import Judge
from python_models.judging.pairs import EMBEDDED, JudgingOptions
from python_models.judging.wordings import audited_pairs, judge_in_other_words, most_audited, rounds_by_judge
from python_models.llm.cache.response_cache import ResponseCache
from python_models.prompts import other_wording_prompts, prompt_text

PROMPTS = {"judge": prompt_text("judge_pair_b.txt"), "schema": prompt_text("judge_reply.schema.json")}
CHEAP, DEAR = Judge("cheap", ""), Judge("dear", "low")


def chosen(two_rounds: duckdb.DuckDBPyConnection, share: float, rounds: tuple[int, ...] = ()) -> set[str]:
    query = audited_pairs("pairs", "samples", share, rounds).sql("duckdb")
    return {row[0] for row in two_rounds.sql(query).fetchall()}


def test_a_share_is_chosen_by_hash_and_a_larger_one_holds_it(two_rounds: duckdb.DuckDBPyConnection) -> None:
    assert chosen(two_rounds, 0) == set()
    assert len(chosen(two_rounds, 1)) == N_PAIRS
    tenth, third = chosen(two_rounds, 0.1), chosen(two_rounds, 0.3)
    assert tenth < third
    assert 60 < len(tenth) < 140
    assert 250 < len(third) < 350


def test_only_pairs_of_the_rounds_are_chosen(two_rounds: duckdb.DuckDBPyConnection) -> None:
    assert chosen(two_rounds, 1, (2,)) == {
        md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in range(0, N_PAIRS, 4)
    }
    assert chosen(two_rounds, 0.3, (1,)) | chosen(two_rounds, 0.3, (2,)) == chosen(two_rounds, 0.3, (1, 2))


def test_the_bound_holds_what_the_hash_chooses(two_rounds: duckdb.DuckDBPyConnection) -> None:
    for share in (0, 0.01, 0.1, 0.5, 1):
        assert len(chosen(two_rounds, share)) <= dict(most_audited({CHEAP: N_PAIRS}, share))[CHEAP] <= N_PAIRS
    assert dict(most_audited({CHEAP: N_PAIRS}, 0.1))[CHEAP] < 150


def test_each_judge_judges_its_own_rounds() -> None:
    found = rounds_by_judge(3, CHEAP, DEAR)
    assert [(one.judge, one.rounds) for one in found] == [(CHEAP, (1,)), (DEAR, (2, 3))]
    assert [one.rounds for one in rounds_by_judge(3, CHEAP, Judge("", ""))] == [(1, 2, 3)]
    assert [one.rounds for one in rounds_by_judge(1, CHEAP, DEAR)] == [(1,)]


def judged(two_rounds: duckdb.DuckDBPyConnection, share: float, *models: str) -> list[dict[str, Any]]:
    options = [JudgingOptions(name, PROMPTS, max_prompt_chars=200, max_attempts=1) for name in models]
    batches = judge_in_other_words(context_of(two_rounds), [(1,), (2,)], options, share)
    return [row for batch in batches for row in batch.to_pylist()]


def test_the_share_is_asked_in_the_other_words_and_paid_once(
    two_rounds: duckdb.DuckDBPyConnection, judge_endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    rows = judged(two_rounds, 0.05, "cheap", "dear")
    assert {row["pair_id"] for row in rows} == chosen(two_rounds, 0.05)
    assert {(row["pair_id"], row["model_name"]) for row in rows} == {
        *((pair, "cheap") for pair in chosen(two_rounds, 0.05, (1,))),
        *((pair, "dear") for pair in chosen(two_rounds, 0.05, (2,))),
    }
    assert {row["scores"]["first_score"] for row in rows} == {90}
    assert judge_endpoint.record.n_requests == len(rows)
    assert all("grade" in body for body in judge_endpoint.record.bodies)
    judged(two_rounds, 0.05, "cheap", "dear")
    assert judge_endpoint.record.n_requests == len(rows)
    with ResponseCache(tmp_path / "cache.sqlite", read_only=True) as cache:
        assert {usage.stage for usage in cache.usage()} == {"wordings"}


def test_the_heuristic_reads_no_prompt_and_is_not_asked(
    two_rounds: duckdb.DuckDBPyConnection, judge_endpoint: FakeEndpoint
) -> None:
    assert {row["model_name"] for row in judged(two_rounds, 0.05, EMBEDDED, "dear")} == {"dear"}


def test_nothing_is_asked_where_the_share_is_0(
    two_rounds: duckdb.DuckDBPyConnection, judge_endpoint: FakeEndpoint
) -> None:
    assert judged(two_rounds, 0) == []
    assert judged(two_rounds, 0, "cheap", "dear") == []
    assert judge_endpoint.record.n_requests == 0


@pytest.mark.parametrize(
    ("share", "wording", "file"),
    [(0, "a", None), (0.1, "a", "judge_pair_b.txt"), (0.1, "b", "judge_pair.txt")],
)
def test_the_other_wording_is_the_one_that_is_not_configured(
    monkeypatch: pytest.MonkeyPatch, share: float, wording: str, file: str | None
) -> None:
    variables = {"audit_wording_share": share, "judge_wording": wording, "judge_model": "m", "final_judge_model": ""}
    monkeypatch.setattr(prompts, "configured_variables", lambda: variables)
    found = other_wording_prompts()
    assert (found["judge"] if file else found) == (prompt_text(file) if file else {})
