"""Who judges which round, and what is estimated for each of two judges before anything is paid."""

from __future__ import annotations

import pytest

from python_models.cli.judging_calls import JudgingCalls, calls_at_most
from python_models.judging.judges import Judge, judge_of_round
from python_models.judging.pairs import EMBEDDED, JudgingOptions

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
    "n_clusters": 0,
}


def test_the_final_judge_takes_over_after_the_first_round() -> None:
    assert [judge_of_round(number, FIRST, FINAL) for number in (1, 2, 3)] == [FIRST, FINAL, FINAL]
    assert judge_of_round(2, FIRST, Judge("", "low")) == FIRST


@pytest.mark.parametrize(("calls_per_sample", "final_calls"), [(1.0, 475), (1.5, 450), (2.0, 950)])
def test_each_judge_has_its_bound_before_tagging(calls_per_sample: float, final_calls: int) -> None:
    calls = calls_at_most(1_000, VARIABLES | {"judge_calls_per_sample": calls_per_sample})
    assert final_calls <= calls[FINAL] <= final_calls + 51
    assert calls[FIRST] >= calls_per_sample * 1_000 - final_calls


def test_the_first_judge_may_take_every_pair_of_small_clusters_and_its_checks() -> None:
    """Five samples are ten pairs, of which half are judged in the other order as well."""
    variables = VARIABLES | {"judge_calls_per_sample": 3, "audit_pair_share": 0.5}
    assert calls_at_most(5, variables)[FIRST] >= 15


def test_two_efforts_of_one_model_are_two_judges() -> None:
    calls = calls_at_most(1_000, VARIABLES | {"final_judge_model": "small"})
    assert list(calls) == [FIRST, Judge("small", "low")]


def test_one_judge_has_one_bound() -> None:
    assert list(calls_at_most(1_000, VARIABLES | {"final_judge_model": ""})) == [FIRST]
    assert list(calls_at_most(1_000, VARIABLES | {"judging_profile": "paper"})) == [FIRST]


def test_the_offline_heuristic_is_asked_for_nothing() -> None:
    """It has no prompts, and makes no request that could be looked up."""
    heuristic = JudgingOptions(EMBEDDED, prompts={}, max_prompt_chars=100, max_attempts=1)
    tables = {"tacos.samples": "samples"} | {f"tacos_internal.pairs_{number}": "pairs" for number in (1, 2, 3)}
    calls = JudgingCalls(lambda _: pytest.fail("a pair was looked up"), tables, [heuristic] * 3, None)
    calls.count()
    assert not calls.n_calls
    assert not calls.is_bound
