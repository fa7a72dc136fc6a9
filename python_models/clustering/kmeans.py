"""k-means that is the same every time: given points, seed and start decide the centroids, nothing else."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from python_models.clustering.points import Points, Vectors

Ids = npt.NDArray[np.int64]

REFITS = ("warm", "cold", "frozen")

_MOST_CLUSTERS = 50
"""The paper's number of clusters, for about 6,000 normalized tags of 52,000 samples."""

_STARTS = ((5_000, 10), (20_000, 3), (math.inf, 1))
"""Seeded starts of k-means below so many points, of which the best is taken: starts differ less where points are many.

With 28,000 points a single start leaves 0.7% more inertia than the best of ten (``bench_embedding.py``).
"""

_TOLERATED_GROWTH = 1.2
"""An automatic number of clusters may be off by this factor before the clusters are made anew."""

_DECIMALS = 6


def automatic_n_clusters(n_tags: int) -> int:
    """Number of clusters for a vocabulary: ``round(sqrt(2 * n_tags))``, between 1 and the paper's 50."""
    return max(1, min(_MOST_CLUSTERS, n_tags, round(math.sqrt(2 * n_tags))))


def fit_centroids(
    points: Points,
    n_clusters: int,
    random_seed: int,
    refit: str = "cold",
    previous: Vectors | None = None,
    n_starts: int | None = None,
) -> Vectors:
    """Centroids of the points, in the order of their ids.

    New clusters are numbered by falling weight (ties by their first point), so that the start that won does not show
    in the ids; where there are previous centroids, they are the start, and their ids stay.

    Args:
        points: what to cluster, at least one.
        n_clusters: how many; 0 for ``automatic_n_clusters``. Never more than there are distinct points.
        random_seed: seed of the starts.
        refit: what to do with previous centroids. ``warm``: start from them; ``frozen``: leave them as they are;
            ``cold``: start anew.
        previous: centroids (n_clusters, n_dimensions) of an earlier fit, None or empty if there are none. Of another
            number than is wanted now, they are no start; an automatic number may be off by a fifth.
        n_starts: seeded starts, of which the best is taken; None for 10, for 3 from 5,000 points and 1 from 20,000 on.

    Returns:
        Shape (n_clusters, n_dimensions), float32, rounded to 6 decimals.

    Raises:
        ValueError: an unknown ``refit``.

    Source:
        scikit-learn's ``KMeans`` with ``sample_weight``; TACOS clusters tags with k = 50.
    """
    if refit not in REFITS:
        raise ValueError(f"cluster_refit must be one of {', '.join(REFITS)}, but it is {refit!r}.")
    k = min(n_clusters or automatic_n_clusters(points.n_tags), len(np.unique(points.vectors, axis=0)))
    if refit != "cold" and previous is not None and _is_a_start(previous, points, k, is_automatic=not n_clusters):
        if refit == "frozen":
            return previous.astype(np.float32)
        return _rounded(_lloyd(points, previous, random_seed, n_starts=1, tolerance=0)[1])
    n_starts = n_starts or next(n_starts for limit, n_starts in _STARTS if len(points.vectors) < limit)
    _, centroids = _lloyd(points, k, random_seed, n_starts=n_starts, tolerance=1e-4)
    # To the very end: a warm start from here finds nothing to improve, and moves nobody.
    labels, centroids = _lloyd(points, centroids, random_seed, n_starts=1, tolerance=0)
    return _rounded(centroids[_by_weight(labels, points.weights)])


def nearest(vectors: Vectors, centroids: Vectors) -> Ids:
    """Nearest centroid of every vector, by Euclidean distance: shape (n_vectors,)."""
    offsets = 2 * vectors.astype(np.float64) @ centroids.T.astype(np.float64)
    return np.asarray((offsets - (centroids.astype(np.float64) ** 2).sum(axis=1)).argmax(axis=1), dtype=np.int64)


def _is_a_start(previous: Vectors, points: Points, k: int, *, is_automatic: bool) -> bool:
    if previous.ndim != 2 or previous.shape[1] != points.vectors.shape[1]:
        return False
    n_previous = len(previous)
    if not is_automatic:
        return n_previous == k
    return k / _TOLERATED_GROWTH <= n_previous <= k * _TOLERATED_GROWTH and n_previous <= len(points.vectors)


def _lloyd(
    points: Points, start: int | Vectors, random_seed: int, *, n_starts: int, tolerance: float
) -> tuple[Ids, Vectors]:
    """k-means from k seeded starts or given centroids: (n_points,) labels and (n_clusters, n_dimensions) centroids."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    k, init = (start, "k-means++") if isinstance(start, int) else (len(start), start)
    kmeans = KMeans(n_clusters=k, init=init, n_init=n_starts, random_state=random_seed, tol=tolerance)
    # Several threads add up in the order in which they end, and the last bits of a sum depend on its order.
    with threadpool_limits(limits=1):
        kmeans.fit(points.vectors, sample_weight=points.weights)
    return np.asarray(kmeans.labels_, dtype=np.int64), np.asarray(kmeans.cluster_centers_)


def _by_weight(labels: Ids, weights: Vectors) -> Ids:
    """Clusters from the heaviest to the lightest, ties by their first point: shape (n_clusters,)."""
    clusters, firsts = np.unique(labels, return_index=True)
    return np.asarray(clusters[np.lexsort((firsts, -np.bincount(labels, weights=weights)[clusters]))])


def _rounded(centroids: Vectors) -> Vectors:
    return np.round(centroids.astype(np.float32), _DECIMALS) + np.float32(0)  # + 0: no negative zeros
