"""Claims about the rounds of judging and the selection, on the project's SQL with a function for a judge."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from judging_pipeline import JudgingPipeline, sample_ids

# One process for all: rendering the queries takes longer than running them.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("judging")]

CLUSTER_SIZES = (1, 2, 3, 4, 5, 6, 7, 40, 41, 90)
HALVING = {"judging_profile": "halving", "selection_size": 40, "max_failure_share": 1.0}


def world(sizes: tuple[int, ...], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Samples, their clusters (one each) and hidden qualities."""
    ids = sample_ids(range(sum(sizes)), seed)
    qualities = np.random.default_rng(seed).normal(size=len(ids))
    clusters = pd.DataFrame({"sample_id": ids, "cluster_id": np.repeat(np.arange(len(sizes)), sizes)})
    return pd.DataFrame({"sample_id": ids}), clusters, dict(zip(ids, qualities, strict=True))


class Judge:
    """Scores by hidden qualities and a hash of the pair, so that equal pairs get equal scores; counts its calls."""

    def __init__(self, qualities: dict[str, float], miss_share: float = 0.0) -> None:
        self.qualities = qualities
        self.miss_share = miss_share
        self.asked: set[tuple[str, str]] = set()

    def __call__(self, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        first = pairs["first_sample_id"].to_numpy()
        second = pairs["second_sample_id"].to_numpy()
        self.asked |= set(zip(first, second, strict=True))
        noise = np.array(
            [[int(a[:4], 16), int(b[:4], 16), int(a[4:6] + b[4:6], 16)] for a, b in zip(first, second, strict=True)]
        )
        noise = noise / 65536 - 0.5
        scores = []
        for ids, own in ((first, noise[:, 0]), (second, noise[:, 1])):
            values = np.array([self.qualities[sample_id] for sample_id in ids])
            raw = np.clip(np.round(70 + 12 * (values + own + noise[:, 2])), 1, 100)
            scores.append(np.where(noise[:, 2] + 0.5 < self.miss_share, np.nan, raw))
        return scores[0], scores[1]


def run(variables: dict[str, Any], sizes: tuple[int, ...] = CLUSTER_SIZES, **judge: float) -> JudgingPipeline:
    samples, clusters, qualities = world(sizes)
    pipeline = JudgingPipeline(HALVING | variables)
    pipeline.run(samples, clusters, Judge(qualities, **judge))
    return pipeline


@pytest.fixture(scope="module", params=[0.5, 1.5, 4.0])
def rounds(request: pytest.FixtureRequest) -> tuple[float, JudgingPipeline]:
    """A run over clusters of all sizes, at a number of calls per sample."""
    return request.param, run({"judge_calls_per_sample": request.param})


def test_no_ordered_pair_is_judged_twice(rounds: tuple[float, JudgingPipeline]) -> None:
    pairs = rounds[1].table("pairs")
    assert len(pairs) > 80
    assert not pairs.duplicated(["cluster_id", "first_sample_id", "second_sample_id"]).any()
    assert (pairs["first_sample_id"] != pairs["second_sample_id"]).all()


def test_a_pair_is_judged_in_both_orders_only_to_check_the_order(rounds: tuple[float, JudgingPipeline]) -> None:
    pairs = rounds[1].table("pairs")
    unordered = [frozenset(ids) for ids in zip(pairs["first_sample_id"], pairs["second_sample_id"], strict=True)]
    assert len(set(unordered)) == (~pairs["is_order_check"]).sum()


def test_the_calls_stay_in_the_budget(rounds: tuple[float, JudgingPipeline]) -> None:
    calls_per_sample, pipeline = rounds
    spent = pipeline.query(
        """SELECT n_candidates, n_planned, COUNT(*)
        FROM tacos.pairs JOIN tacos_internal.cluster_quotas USING (cluster_id)
        GROUP BY cluster_id, n_candidates, n_planned"""
    )
    for n_candidates, n_planned, n_calls in spent:
        assert n_candidates > n_planned, "a cluster of which all are kept was judged"
        if n_candidates > 5:
            # A matching in short segments takes up to 0.57 calls per sample; small clusters round up.
            assert n_calls <= max(calls_per_sample, 0.57) * n_candidates + 5


def test_every_sample_of_an_open_cluster_is_judged(rounds: tuple[float, JudgingPipeline]) -> None:
    unjudged = rounds[1].query(
        """SELECT scores.sample_id FROM tacos.sample_scores AS scores
        JOIN tacos_internal.cluster_quotas USING (cluster_id)
        WHERE n_candidates > n_planned AND n_planned > 0 AND n_comparisons = 0"""
    )
    assert not unjudged


def test_exactly_as_many_as_asked_for_are_kept(rounds: tuple[float, JudgingPipeline]) -> None:
    selected = rounds[1].table("selected")
    assert len(selected) == 40
    assert selected["sample_id"].is_unique
    quotas = rounds[1].table("cluster_quotas").set_index("cluster_id")["n_planned"]
    assert selected.groupby("cluster_id").size().to_dict() == quotas[quotas > 0].to_dict()
    assert (selected["cluster_rank"] <= selected["cluster_id"].map(quotas)).all()


def test_a_large_pool_is_judged_on_several_rings_and_no_pair_twice() -> None:
    """Above 40 samples only neighbours on a few rings are drawn, and the same two can be neighbours again."""
    pipeline = run({"judge_calls_per_sample": 4, "audit_pair_share": 0}, (300,))
    pairs = pipeline.table("pairs")
    unordered = [frozenset(ids) for ids in zip(pairs["first_sample_id"], pairs["second_sample_id"], strict=True)]
    assert len(set(unordered)) == len(pairs)
    planned = pipeline.query("SELECT n_pairs FROM tacos_internal.judging_plan WHERE n_pool > 40 ORDER BY judging_round")
    assert [(n,) for n in pairs.groupby("judging_round").size()] == planned
    assert pairs.query("judging_round == 2")["first_sample_id"].value_counts().max() > 2


def test_order_checks_are_spread_over_the_clusters() -> None:
    pipeline = run({}, (100, 100, 100))
    shares = pipeline.query(
        """SELECT COUNT(*) FILTER (is_order_check) / COUNT(*) FILTER (NOT is_order_check)
        FROM tacos.pairs GROUP BY cluster_id"""
    )
    assert [share for (share,) in shares] == pytest.approx([0.05] * 3, abs=0.02)


def test_the_order_of_rows_and_the_number_of_threads_change_nothing() -> None:
    samples, clusters, qualities = world((90, 300))
    tables = []
    for seed, threads in ((1, 1), (2, 4)):
        pipeline = JudgingPipeline(HALVING, {"threads": threads})
        pipeline.run(
            samples.sample(frac=1, random_state=seed), clusters.sample(frac=1, random_state=seed), Judge(qualities)
        )
        tables.append([pipeline.table(name) for name in ("pairs", "sample_scores", "selected")])
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_failed_judgments_are_left_out_and_counted() -> None:
    pipeline = run({}, (200,), miss_share=0.3)
    counts = pipeline.table("selection_counts").iloc[0]
    assert 0.2 < counts.n_failed_judgments / counts.n_judge_calls < 0.4
    used, failed = pipeline.query("SELECT SUM(n_judgments), SUM(n_failed_judgments) FROM tacos.sample_scores")[0]
    assert used == 2 * (counts.n_judge_calls - counts.n_failed_judgments)
    assert failed == 2 * counts.n_failed_judgments
    assert counts.n_selected == 40


def test_too_many_failures_stop_the_run() -> None:
    samples, clusters, qualities = world((60,))
    pipeline = JudgingPipeline(HALVING | {"max_failure_share": 0.02})
    with pytest.raises(duckdb.InvalidInputException, match=r"\d+ of \d+ judgments failed, more than max_failure_share"):
        pipeline.run(samples, clusters, Judge(qualities, miss_share=0.5))


def test_the_estimator_is_the_solution_of_its_equations() -> None:
    """The six sweeps against numpy's exact solution: correlation above 0.999 and the same top 40."""
    pipeline = run({}, (300,))
    comparisons = pipeline.table("comparisons_3")
    ids = sorted(pipeline.table("scores_0")["sample_id"])
    position = {sample_id: number for number, sample_id in enumerate(ids)}
    own = comparisons["own_value"].astype(float).to_numpy()
    partner = comparisons["partner_value"].astype(float).to_numpy()
    i = comparisons["sample_id"].map(position).to_numpy()
    j = comparisons["partner_id"].map(position).to_numpy()
    n = len(ids)
    m = np.bincount(i, minlength=n)
    level = (np.bincount(i, own, n) / np.maximum(m, 1))[m > 0].mean()
    right = np.bincount(i, 1.25 * (own - partner) + 1.25 * ((own + partner) / 2 - level), n)
    matrix = np.diag(m * (1.5625 + 0.625) + 0.8)
    matrix[i, j] -= 1.5625 - 0.625
    exact = np.linalg.solve(matrix, right)
    scores = pipeline.table("sample_scores").set_index("sample_id")["cluster_score"].loc[ids].to_numpy()
    assert np.corrcoef(scores, exact)[0, 1] > 0.999
    assert set(np.argsort(-scores)[:40]) == set(np.argsort(-exact)[:40])


@pytest.mark.parametrize(("calls_per_sample", "most_per_new_sample"), [(1.5, 6), (1.0, 10)])
def test_few_new_samples_need_few_new_judgments(calls_per_sample: float, most_per_new_sample: int) -> None:
    """1% more samples: few new calls for each, as the first and later rings change around them only."""
    samples, clusters, qualities = world((150,) * 10)
    is_new = np.random.default_rng(3).permutation(len(samples)) < 15
    judge = Judge(qualities)
    options = HALVING | {"selection_size": 0, "judge_calls_per_sample": calls_per_sample}
    JudgingPipeline(options).run(samples[~is_new], clusters[~is_new], judge)
    paid = set(judge.asked)
    JudgingPipeline(options).run(samples, clusters, judge)
    assert 0 < len(judge.asked - paid) <= most_per_new_sample * is_new.sum()


class TwoScales:
    """The scores of a judge, as they are (1 to 100) in the first round, squeezed into 60 to 80 in those after it."""

    def __init__(self, judge: Any) -> None:
        self.judge = judge

    def __call__(self, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        is_wide = (pairs["judging_round"] == 1).to_numpy()
        first, second = self.judge(pairs)
        return tuple(np.where(is_wide, scores, np.round(60 + scores / 5)) for scores in (first, second))


def kept_qualities(judge: Any, names: tuple[str, ...], qualities: dict[str, float]) -> tuple[float, int]:
    """Mean quality of 12 kept of 300, and how many of them no judge saw after the first round."""
    samples, clusters, _ = world((150, 150))
    pipeline = JudgingPipeline(HALVING | {"selection_size": 12, "judge_calls_per_sample": 1.5})
    pipeline.run(samples, clusters, judge, judge_names=names)
    n_unseen = pipeline.query(
        """SELECT COUNT(*) FROM tacos.selected ANTI JOIN (
          SELECT UNNEST([first_sample_id, second_sample_id]) AS sample_id FROM tacos.pairs WHERE judging_round > 1
        ) USING (sample_id)"""
    )[0][0]
    return pipeline.table("selected")["sample_id"].map(qualities).mean(), n_unseen


def test_two_judges_who_scale_differently_keep_what_one_scale_keeps() -> None:
    """One scores from 1 to 100, the other from 60 to 80: known as two, they keep as good samples as one judge does."""
    qualities = world((150, 150))[2]
    one, _ = kept_qualities(Judge(qualities), ("one",), qualities)
    two, n_unseen = kept_qualities(TwoScales(Judge(qualities)), ("one", "another"), qualities)
    mistaken, _ = kept_qualities(TwoScales(Judge(qualities)), ("one",), qualities)
    assert n_unseen == 0
    assert two >= one - 0.1
    assert mistaken < two


def test_the_scale_of_a_judge_does_not_matter() -> None:
    """Multiples of five from 5 to 100 keep their order as 61 to 80: the selection is the same, sample for sample."""
    samples, clusters, qualities = world((150, 150))
    judge = Judge(qualities)

    def in_fives(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.clip(5 * np.round(scores / 5), 5, 100) for scores in judge(pairs))

    kept = []
    for each in (in_fives, TwoScales(in_fives)):
        pipeline = JudgingPipeline(HALVING | {"selection_size": 12, "judge_calls_per_sample": 1.5})
        pipeline.run(samples, clusters, each, judge_names=("one", "another"))
        kept.append(pipeline.table("selected")[["sample_id", "cluster_score"]])
    assert kept[0].equals(kept[1])


@pytest.mark.parametrize("profile", ["halving", "paper"])
def test_the_name_of_a_single_judge_changes_nothing(profile: str) -> None:
    samples, clusters, qualities = world(CLUSTER_SIZES)
    kept = []
    for names in (("one",), ("one", "one", "one"), ("another",)):
        pipeline = JudgingPipeline(HALVING | {"judging_profile": profile})
        pipeline.run(samples, clusters, Judge(qualities), judge_names=names)
        kept.append(pipeline.table("selected").drop(columns="judge_model"))
    assert kept[0].equals(kept[1])
    assert kept[0].equals(kept[2])


def test_the_paper_judges_neighbours_in_both_orders() -> None:
    pipeline = run({"judging_profile": "paper"}, (1, 2, 7, 30))
    n_calls = dict(pipeline.query("SELECT cluster_id, COUNT(*) FROM tacos.pairs GROUP BY 1"))
    assert n_calls == {1: 2, 2: 8, 3: 30}
    assert not pipeline.has_table("pairs_2")
    own = pipeline.query(
        """SELECT MAX(ABS(cluster_score - judge_score + level)) FROM tacos.sample_scores
        JOIN (SELECT cluster_id, AVG(judge_score) AS level FROM tacos.sample_scores GROUP BY cluster_id)
        USING (cluster_id)"""
    )[0][0]
    assert own < 1e-6


@pytest.mark.parametrize(("profile", "cap"), [("halving", 0), ("halving", 4), ("paper", 4), ("paper", 0)])
def test_a_sample_of_several_clusters_is_kept_once_where_it_ranks_best(profile: str, cap: int) -> None:
    """Halving prefers the best rank, the paper the smallest cluster; nobody is passed over for a lower rank."""
    samples, clusters, qualities = world((12, 30, 36, 42))
    memberships = [clusters] + [
        clusters.sample(frac=share, random_state=1).assign(
            cluster_id=lambda rows, step=step: (rows["cluster_id"] + step) % 4
        )
        for step, share in ((1, 0.8), (2, 0.7), (3, 0.6))
    ]
    pipeline = JudgingPipeline(
        HALVING
        | {"judging_profile": profile, "cluster_membership": "all", "samples_per_cluster": cap, "selection_size": 24}
    )
    pipeline.run(samples, pd.concat(memberships), Judge(qualities))
    selected = pipeline.table("selected")
    assert selected["sample_id"].is_unique
    assert len(selected) == (16 if cap else 24)
    n_kept = selected.groupby("cluster_id").size()
    assert n_kept.max() <= (cap or 24)

    kept_in = dict(zip(selected["sample_id"], selected["cluster_id"], strict=True))
    worst_rank = selected.groupby("cluster_id")["cluster_rank"].max()
    members = pipeline.table("sample_scores").merge(pipeline.table("cluster_quotas")[["cluster_id", "n_candidates"]])
    members["wish"] = members["n_candidates"] if profile == "paper" else members["cluster_rank"]
    wishes = members.set_index(["sample_id", "cluster_id"])["wish"]
    for member in members.itertuples():
        if kept_in.get(member.sample_id) == member.cluster_id or member.cluster_rank > worst_rank[member.cluster_id]:
            continue
        # It ranks above one that is kept here: so it is kept, and in a cluster that it prefers.
        assert member.sample_id in kept_in, "passed over"
        assert wishes[member.sample_id, kept_in[member.sample_id]] <= member.wish, "kept where it did not prefer to be"


def test_the_selection_beats_chance_and_length() -> None:
    pipeline = run({}, (200, 200))
    means = pipeline.table("selection_comparison").set_index("method")["mean_cluster_score"]
    assert means["selected"] > means["own_scores"] > means["random"]
    assert means["selected"] > means["longest_response"]


def test_a_wrong_option_is_refused_by_name() -> None:
    with pytest.raises(Exception, match="judging_profile must be one of halving, paper"):
        JudgingPipeline({"judging_profile": "swiss"})
    with pytest.raises(Exception, match=r"judge_calls_per_sample must be a number from 0\.5 to 4"):
        JudgingPipeline({"judge_calls_per_sample": 9})
