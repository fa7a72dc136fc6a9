"""The table of centroids: fitted once for the same points and settings, and kept in the cache from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pandas as pd

from python_models.clustering.kmeans import fit_centroids
from python_models.clustering.points import Points, Vectors
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.schema import is_writable
from python_models.settings import cache_path

_KIND = "centroids/1"
"""Kind of the remembered centroids in the cache; counted up when those of before will not do any more."""

DOT_DECIMALS = 8


def fit_centroids_once(
    points: Points, n_clusters: int, random_seed: int, refit: str, previous: Vectors | None
) -> Vectors:
    """fit_centroids, remembered in the response cache: the same points have the same clusters, whatever came before.

    A warm fit depends on the fits before it. Remembered by its points, it is the same again in a development
    environment, after a restatement, and where an exported cache is imported; so the same pairs go to the judge.
    """
    if refit == "cold":
        return fit_centroids(points, n_clusters, random_seed)
    key = [points.digest, n_clusters, random_seed, refit]
    return _remembered(key, points, lambda: fit_centroids(points, n_clusters, random_seed, refit, previous))


def fit_other_centroids_once(points: Points, n_clusters: int, random_seed: int, n_starts: int | None) -> Vectors:
    """Centroids from another seed, to compare with: remembered too, as they take longer than all else about them."""
    key = [points.digest, n_clusters, random_seed, "cold", n_starts]
    return _remembered(key, points, lambda: fit_centroids(points, n_clusters, random_seed, n_starts=n_starts))


def _remembered(key: list[object], points: Points, fit: Callable[[], Vectors]) -> Vectors:
    """The centroids that the cache has under the key, else those that are fitted now, which it keeps if it can."""
    name = sha256(json.dumps(key).encode()).hexdigest()
    with ResponseCache(cache_path()) as cache:
        known = cache.get_computed(_KIND, [name]).get(name)
        if known is None:
            known = fit().tobytes()
            if is_writable(cache.path):
                cache.put_computed(_KIND, {name: known})
    return np.frombuffer(known, dtype=np.float32).reshape(-1, points.vectors.shape[1])


def centroid_rows(centroids: Vectors) -> pd.DataFrame:
    """Columns ``cluster_id`` (from 0), ``centroid`` (list) and ``squared_norm``, rounded to 8 decimals."""
    exact = centroids.astype(np.float64)
    return pd.DataFrame(
        {
            "cluster_id": np.arange(len(exact)),
            "centroid": list(centroids.tolist()),
            "squared_norm": np.round((exact**2).sum(axis=1), DOT_DECIMALS),
        }
    )


def dot_rows(tags: pd.DataFrame, centroids: pd.DataFrame) -> pd.DataFrame:
    """Dot product of every tag with every centroid.

    Args:
        tags: columns ``tag`` and ``embedding``.
        centroids: columns ``cluster_id`` and ``centroid``.

    Returns:
        Columns ``tag``, ``cluster_id`` and ``dot``, rounded to 8 decimals; one row per tag and cluster.
    """
    left = np.asarray(tags["embedding"].tolist(), dtype=np.float64)
    right = np.asarray(centroids["centroid"].tolist(), dtype=np.float64)
    dots = np.round(left @ right.T, DOT_DECIMALS) + 0.0
    return pd.DataFrame(
        {
            "tag": np.repeat(tags["tag"].to_numpy(), len(right)),
            "cluster_id": np.tile(centroids["cluster_id"].to_numpy(), len(left)),
            "dot": dots.ravel(),
        }
    )
