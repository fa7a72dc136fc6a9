"""k-means over the vocabulary: tags that mean alike share a cluster."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

_MOST_CLUSTERS = 50
"""The paper's number of clusters, for about 6,000 normalized tags of 52,000 samples."""

_N_STARTS = 10
"""Seeded starts of k-means, of which the best is taken."""


def automatic_n_clusters(n_tags: int) -> int:
    """Number of clusters for a vocabulary: ``round(sqrt(2 * n_tags))``, between 1 and the paper's 50."""
    return max(1, min(_MOST_CLUSTERS, n_tags, round(math.sqrt(2 * n_tags))))


def cluster_tags(tags: pd.DataFrame, n_clusters: int, random_seed: int) -> pd.DataFrame:
    """Cluster tags by k-means on unit vectors, each weighted by its number of samples.

    Weighting has the same objective as clustering every occurrence of a tag, with 40 times fewer points. Rows are
    sorted first and clusters are numbered by falling weight (ties by their first tag), so that neither the order of
    the rows nor the start that won shows in the ids.

    Args:
        tags: columns ``normalized_tag`` (distinct), ``n_samples`` (at least 1), ``embedding`` (lists of n_dimensions).
        n_clusters: how many clusters; 0 for ``automatic_n_clusters``. Never more than there are tags.
        random_seed: seed of the starts.

    Returns:
        Columns ``normalized_tag``, ``cluster_id`` (from 0), ``distance_to_centroid`` (Euclidean, 0 to 2) and
        ``n_samples``, sorted by tag.

    Source:
        scikit-learn's ``KMeans`` with ``sample_weight``; TACOS clusters tag occurrences with k = 50.
    """
    from sklearn.cluster import KMeans

    tags = tags.sort_values("normalized_tag", ignore_index=True)
    vectors = np.asarray(tags["embedding"].tolist(), dtype=np.float64)
    weights = tags["n_samples"].to_numpy(dtype=np.float64)
    distinct = len(np.unique(vectors, axis=0))
    k = min(n_clusters or automatic_n_clusters(len(tags)), distinct)
    kmeans = KMeans(n_clusters=k, n_init=_N_STARTS, random_state=random_seed).fit(vectors, sample_weight=weights)
    labels = kmeans.labels_
    distances = np.linalg.norm(vectors - kmeans.cluster_centers_[labels], axis=1)
    return pd.DataFrame(
        {
            "normalized_tag": tags["normalized_tag"],
            "cluster_id": _ids_by_weight(labels, weights)[labels],
            "distance_to_centroid": np.round(distances, 6),
            "n_samples": tags["n_samples"],
        }
    )


def _ids_by_weight(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """New id of every label, shape (n_clusters,): 0 for the heaviest cluster; ties go to the one seen first."""
    heaviness = np.bincount(labels, weights)
    first_seen = np.array([int(np.flatnonzero(labels == label)[0]) for label in range(len(heaviness))])
    ids = np.empty(len(heaviness), dtype=np.int32)
    ids[np.lexsort((first_seen, -heaviness))] = np.arange(len(heaviness), dtype=np.int32)
    return ids
