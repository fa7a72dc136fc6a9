"""The simulated judges behind the figures of judging: what they answer depends on nothing but who is asked what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from judge_simulator import MEASURED, PROFILES, Panel, SimulatedJudge, World, reliability

SAMPLES = np.arange(6_000)
FIRST, SECOND = SAMPLES[::2], SAMPLES[1::2]


def test_the_same_ordered_pair_gets_the_same_answer_in_any_batch() -> None:
    world = World(3, [6_000])
    together = np.array(SimulatedJudge(world, "medium").score(FIRST, SECOND))
    shuffled = np.random.default_rng(0).permutation(FIRST.size)
    again = np.array(SimulatedJudge(world, "medium").score(FIRST[shuffled], SECOND[shuffled]))
    np.testing.assert_array_equal(again, together[:, shuffled])
    alone = np.array(SimulatedJudge(world, "medium").score(FIRST[7:8], SECOND[7:8]))
    np.testing.assert_array_equal(alone, together[:, 7:8])


def test_without_noise_and_position_bias_the_order_does_not_matter() -> None:
    """What is left, the tastes for samples and for pairs, is the judge's lasting opinion."""
    judge = SimulatedJudge(World(3, [6_000]), "weak")
    judge.profile = replace(
        judge.profile, noise=0, strictness_of_pair=1, stretch=0, first_advantage=0, first_advantage_spread=0,
        rounds_to_five=0, failures=0,
    )  # fmt: skip
    np.testing.assert_array_equal(judge.score(FIRST, SECOND), judge.score(SECOND, FIRST)[::-1])


def test_scores_are_whole_numbers_from_1_to_100_or_both_missing() -> None:
    first, second = SimulatedJudge(World(3, [6_000]), "weak").score(FIRST, SECOND)
    np.testing.assert_array_equal(np.isnan(first), np.isnan(second))
    assert np.isnan(first).mean() == pytest.approx(0.02, abs=0.01)
    for scores in (first[~np.isnan(first)], second[~np.isnan(second)]):
        np.testing.assert_array_equal(scores, np.round(scores))
        assert 1 <= scores.min() < 40 < 95 <= scores.max() <= 100


def test_judges_are_as_reliable_as_the_measured_ones_they_stand_for() -> None:
    """The medium judge is like GPT-4 with plain prompts; a weak one like PaLM 2; a strong one better than both."""
    world = World(1, [6_000])
    found = {name: reliability(SimulatedJudge(world, name), FIRST, SECOND) for name in PROFILES}
    measured = {judge["judge"]: judge for judge in MEASURED if "LLMBar" in judge["source"]}
    gpt4 = next(judge for judge in MEASURED if "ties" in judge)
    assert found["strong"]["flips"] < 0.089
    assert 0.089 < found["medium"]["flips"] < gpt4["flips"]
    assert found["medium"]["ties"] == pytest.approx(gpt4["ties"], abs=0.03)
    assert found["medium"]["margin_correlation"] == pytest.approx(gpt4["margin_correlation"], abs=0.03)
    assert found["weak"]["flips"] == pytest.approx(measured["PaLM 2"]["flips"], abs=0.05)


def test_another_judge_is_as_good_and_errs_elsewhere() -> None:
    """The lasting errors of two judges are unrelated, so their mean is nearer to the truth than either."""
    world = World(5, [6_000])
    errors = {}
    for name in ("medium", "medium-b"):
        judge = SimulatedJudge(world, name)
        margins = np.subtract(*judge.score(FIRST, SECOND)) - np.subtract(*judge.score(SECOND, FIRST))
        truth = world.quality[FIRST] - world.quality[SECOND]
        known = ~np.isnan(margins)
        slope = np.polyfit(truth[known], margins[known], 1)
        errors[name] = pd.Series(margins - np.polyval(slope, truth))
    assert errors["medium"].std() == pytest.approx(errors["medium-b"].std(), rel=0.1)
    assert errors["medium"].corr(errors["medium-b"]) == pytest.approx(0, abs=0.1)


def test_a_panel_asks_the_judge_of_the_round() -> None:
    world = World(5, [6_000])
    ids = [f"s{number}" for number in SAMPLES]
    panel = Panel(world, ids, ["medium", "strong"])
    pairs = pd.DataFrame(
        {
            "judging_round": np.arange(FIRST.size) % 3 + 1,
            "first_sample_id": [ids[number] for number in FIRST],
            "second_sample_id": [ids[number] for number in SECOND],
        }
    )
    scores = np.array(panel(pairs))
    is_first_round = (pairs["judging_round"] == 1).to_numpy()
    for name, is_asked in (("medium", is_first_round), ("strong", ~is_first_round)):
        alone = np.array(SimulatedJudge(world, name).score(FIRST, SECOND))
        np.testing.assert_array_equal(scores[:, is_asked], alone[:, is_asked])
        assert not np.array_equal(scores[:, ~is_asked], alone[:, ~is_asked], equal_nan=True)


def test_an_unknown_judge_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'strict'.*strong, medium, weak"):
        SimulatedJudge(World(0, [4]), "strict")
