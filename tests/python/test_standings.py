"""How a sample stands to the cut-off, and what would have to be different, held against the selection itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from judging_pipeline import JudgingPipeline, sample_ids

pytestmark = pytest.mark.long

SIZES = (1, 1, 2, 3, 6, 7, 12, 40)
"""Samples of every cluster: singletons, clusters judged pair by pair, and one that has rounds."""


def selection(seed: int, scale: int, **variables: Any) -> JudgingPipeline:
    """A run over clusters of ``SIZES`` whose judge gives ``scale`` different scores, ties where they are few."""
    rng = np.random.default_rng(seed)
    ids = sample_ids(range(sum(SIZES)), seed)
    clusters = pd.DataFrame({"sample_id": ids, "cluster_id": np.repeat(range(len(SIZES)), SIZES)})
    if variables.get("cluster_membership") == "all":
        also = clusters.sample(30, random_state=seed)
        also = also.assign(cluster_id=(also["cluster_id"] + 1 + rng.integers(0, 6, len(also))) % len(SIZES))
        clusters = pd.concat([clusters, also], ignore_index=True)
    quality = dict(zip(ids, rng.integers(1, scale + 1, len(ids)) * (100 // scale), strict=True))

    def judge(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        first, second = (pairs[name].map(quality).to_numpy(float) for name in ("first_sample_id", "second_sample_id"))
        failed = pairs["pair_id"].str.startswith("0")
        return np.where(failed, np.nan, first), np.where(failed, np.nan, second)

    pipeline = JudgingPipeline({"max_failure_share": 1, **variables})
    pipeline.run(pd.DataFrame({"sample_id": ids}), clusters, judge)
    return pipeline


CASES = [
    {"selection_size": 18},
    {"selection_size": 5},
    {"selection_size": 72},
    {"selection_size": 30, "samples_per_cluster": 3},
    {"selection_size": 18, "cluster_membership": "all"},
    {"selection_size": 18, "judging_profile": "paper"},
    {"selection_size": 18, "judging_profile": "paper", "cluster_membership": "all"},
]


# All scores the same, some, none: of every case some here, the others by make exhaustive.
SCALES = [
    pytest.param(
        case, scale, id=f"{case}-{scale}", marks=[pytest.mark.exhaustive] if scale != 4 and case != CASES[0] else []
    )
    for case in CASES
    for scale in (1, 4, 100)
]


@pytest.mark.parametrize(("variables", "scale"), SCALES)
def test_a_sample_changes_sides_by_what_its_outlook_says(variables: dict[str, Any], scale: int) -> None:
    pipeline = selection(7, scale, **variables)
    kept = dict(pipeline.query("SELECT sample_id, cluster_id FROM selected"))
    ranks: dict[int, dict[int, str]] = {}
    for cluster_id, rank, sample_id in pipeline.query("SELECT cluster_id, cluster_rank, sample_id FROM sample_scores"):
        ranks.setdefault(cluster_id, {})[rank] = sample_id
    stories = pipeline.query(
        "SELECT outcomes.sample_id, outcomes.cluster_id, outcomes.cluster_rank, gaps.n_places, gaps.rival_id, "
        "gaps.score_gap, standings.standing, standings.outlook FROM sample_outcomes AS outcomes "
        "INNER JOIN sample_gaps AS gaps USING (sample_id) INNER JOIN sample_standings AS standings USING (sample_id)"
    )
    assert len(stories) == sum(SIZES)
    for sample_id, cluster_id, rank, n_places, rival_id, score_gap, standing, outlook in stories:
        members = [ranks[cluster_id][place] for place in sorted(ranks[cluster_id])]
        own = [member for member in members if kept.get(member) == cluster_id]
        waiting = [member for member in members if member not in kept]
        is_kept = sample_id in kept
        assert members[rank - 1] == sample_id
        if not own:
            assert (n_places, rival_id) == (None, None)
            assert standing == "none of its cluster is kept"
        elif is_kept:
            # So many fewer places, taken from the end, and it is out; one less of them, and it is in.
            assert sample_id not in own[: len(own) - n_places]
            assert sample_id in own[: len(own) - n_places + 1]
            assert rival_id == (waiting[0] if waiting else None)
            assert waiting or standing == "all of its cluster are kept"
        else:
            assert waiting[n_places - 1] == sample_id
            assert rival_id == own[-1]
        if rival_id is not None and score_gap is not None:
            assert (score_gap >= 0) if is_kept else (score_gap <= 0)
        if rival_id is not None and score_gap is None:
            assert "was compared with none" in outlook


def test_where_no_sample_of_a_cluster_is_kept_a_larger_selection_keeps_some() -> None:
    told = (
        "SELECT sample_id, cluster_id FROM sample_outcomes INNER JOIN sample_standings USING (sample_id) "
        "WHERE outlook LIKE '%larger%'"
    )
    without = selection(7, 100, selection_size=5).query(told)
    assert {cluster_id for _, cluster_id in without} == {0, 1, 2}
    grown = selection(7, 100, selection_size=8)
    assert {cluster_id for (cluster_id,) in grown.query("SELECT DISTINCT cluster_id FROM selected")} == set(range(8))
    assert not grown.query(told)


@pytest.mark.parametrize(
    "variables",
    [pytest.param(c, id=str(c), marks=[pytest.mark.exhaustive] if c in CASES[1:3] else []) for c in CASES],
)
def test_what_a_round_gains_is_what_its_ranks_say(variables: dict[str, Any]) -> None:
    """The gains of the rounds, computed once more from the scores by other means."""
    pipeline = selection(3, 100, **variables)
    last = 1 if variables.get("judging_profile") == "paper" else 3
    final = pipeline.table(f"scores_{last}").set_index(["cluster_id", "sample_id"])["score"]
    planned = dict(pipeline.query("SELECT cluster_id, n_planned FROM cluster_quotas"))
    found = {row[0]: row[1:] for row in pipeline.query(
        "SELECT judging_round, n_kept, n_shared, n_expected, gain FROM round_gains"
    )}  # fmt: skip
    assert set(found) == set(range(1, last + 1))
    best: dict[int, set[tuple[int, str]]] = {}
    for number in found:
        scores = pipeline.table(f"scores_{number}").sort_values(["score", "sample_id"], ascending=[False, True])
        best[number] = {
            (cluster_id, sample_id)
            for cluster_id, members in scores.groupby("cluster_id")
            for sample_id in members["sample_id"][: planned[cluster_id]]
        }
    for number, (n_kept, n_shared, n_expected, gain) in found.items():
        means = final.groupby("cluster_id").mean()
        assert (n_kept, n_shared) == (len(best[number]), len(best[number] & best[last]))
        assert math.isclose(gain, sum(final[key] - means[key[0]] for key in best[number]), abs_tol=1e-3)
        sizes = final.groupby("cluster_id").size()
        assert math.isclose(n_expected, sum(n * n / sizes[c] for c, n in planned.items()), abs_tol=1e-4)
        assert gain <= found[last][3] + 1e-9
