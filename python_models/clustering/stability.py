"""How much of the clusters, and of what is kept, is owed to the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from python_models.clustering.centroids import fit_other_centroids_once
from python_models.clustering.kmeans import nearest
from python_models.clustering.placement import place_by_most_tags
from python_models.clustering.points import Points, Vectors, mean_vectors, sample_points, tag_points, tag_sets

_N_STARTS, _MANY = 3, 1_000
"""Starts of k-means where there are many points: the two fits take as long as all other diagnostics otherwise."""


def seed_stability(
    samples: pd.DataFrame, tags: pd.DataFrame, placed: pd.DataFrame, cluster_on: str, seeds: Iterable[int]
) -> pd.DataFrame:
    """Cluster again from other seeds and compare.

    Args:
        samples: columns ``sample_id``, ``cluster_id``, ``judge_score`` (1-100 or NaN) and ``is_selected``.
        tags: columns ``tag``, ``is_normalized``, ``n_samples`` and ``embedding``.
        placed: columns ``sample_id`` and ``tag`` of the same samples, the rows of a sample together.
        cluster_on: samples or tags.
        seeds: the other seeds.

    Returns:
        One row per seed: ``random_seed``, ``n_samples``, ``adjusted_rand_index`` (1: the same clusters, 0: as alike
        as by chance) and ``changed_selection_share`` (0 to 1: of the samples kept if the best of each cluster by
        ``judge_score`` are taken in turn, the share that the other clusters would not keep).
    """
    samples = samples.sort_values("sample_id").set_index("sample_id")
    k = samples["cluster_id"].nunique()
    kept = _best_in_turn(samples["cluster_id"], samples)
    place = _placing_by_tags(tags, placed, k) if cluster_on == "tags" else _placing_by_mean(tags, placed, k)
    rows = []
    for seed in seeds:
        others = place(seed).reindex(samples.index, fill_value=-1)
        agreement = adjusted_rand_index(samples["cluster_id"].tolist(), others.tolist())
        changed = len(kept - _best_in_turn(others, samples)) / max(len(kept), 1)
        rows.append((seed, len(samples), round(agreement, 6), round(changed, 6)))
    return pd.DataFrame(rows, columns=["random_seed", "n_samples", "adjusted_rand_index", "changed_selection_share"])


def adjusted_rand_index(clusters: Sequence[int], others: Sequence[int]) -> float:
    """Agreement of two partitions of the same samples: 1 the same, 0 as alike as by chance.

    Counted here, as to import scikit-learn takes longer than all else about this table.

    Source:
        Hubert and Arabie 1985.
    """
    both, first, second = (_n_pairs(*groups) for groups in ((clusters, others), (clusters,), (others,)))
    if both == first == second:
        return 1.0
    n_pairs = len(clusters) * (len(clusters) - 1)
    return 2 * (both * n_pairs - first * second) / ((first + second) * n_pairs - 2 * first * second)


def _n_pairs(*partitions: Sequence[int]) -> int:
    """Ordered pairs of samples that share a cluster in every partition."""
    return sum(size * (size - 1) for size in Counter(zip(*partitions, strict=True)).values())


def _placing_by_tags(tags: pd.DataFrame, placed: pd.DataFrame, k: int) -> Callable[[int], pd.Series[int]]:
    points, normalized = tag_points(tags), tags[tags["is_normalized"]]
    vectors = _vectors(normalized)
    return lambda seed: place_by_most_tags(normalized, placed, nearest(vectors, _centroids(points, k, seed)))


def _placing_by_mean(tags: pd.DataFrame, placed: pd.DataFrame, k: int) -> Callable[[int], pd.Series[int]]:
    points, sets = sample_points(tags, placed), tag_sets(tags["tag"], placed)
    means = mean_vectors(_vectors(tags), list(sets.values()))
    return lambda seed: pd.Series(nearest(means, _centroids(points, k, seed)), index=list(sets))


def _centroids(points: Points, k: int, seed: int) -> Vectors:
    return fit_other_centroids_once(points, k, seed, _N_STARTS if len(points.vectors) > _MANY else None)


def _best_in_turn(clusters: pd.Series[int], samples: pd.DataFrame) -> set[str]:
    """As many samples as are selected, the best of each cluster in turn 1, the second of each in turn 2."""
    ranked = samples.assign(cluster_id=clusters).reset_index()
    # The judge sees none of a cluster that is kept whole: its samples are as good as the average.
    ranked["judge_score"] = ranked["judge_score"].fillna(ranked["judge_score"].mean()).fillna(0)
    ranked = ranked.sort_values(["judge_score", "sample_id"], ascending=[False, True])
    ranked["turn"] = ranked.groupby("cluster_id").cumcount()
    ranked = ranked.sort_values(["turn", "judge_score", "sample_id"], ascending=[True, False, True])
    return set(ranked["sample_id"].head(int(samples["is_selected"].sum())))


def _vectors(tags: pd.DataFrame) -> Vectors:
    return np.asarray(tags["embedding"].tolist(), dtype=np.float32)
