"""Where samples belong, in numpy: what the SQL of models/clustering does, for diagnostics and measurements."""

from __future__ import annotations

import numpy as np
import pandas as pd

from python_models.clustering.kmeans import Ids, nearest
from python_models.clustering.points import Vectors, mean_vectors, tag_sets


def place_by_mean(tags: pd.DataFrame, placed: pd.DataFrame, centroids: Vectors) -> pd.Series[int]:
    """The centroid nearest the mean of every sample's tags, by sample, in the order of the rows.

    Args:
        tags: columns ``tag`` (distinct) and ``embedding``.
        placed: columns ``sample_id`` and ``tag``, the rows of a sample together.
        centroids: shape (n_clusters, n_dimensions).
    """
    sets = tag_sets(tags["tag"], placed)
    means = mean_vectors(np.asarray(tags["embedding"].tolist()), list(sets.values()))
    return pd.Series(nearest(means, centroids), index=list(sets), name="cluster_id")


def place_by_most_tags(tags: pd.DataFrame, placed: pd.DataFrame, clusters: Ids) -> pd.Series[int]:
    """The cluster of most of every sample's tags, ties to the cluster of fewer samples, then to the lower id.

    Args:
        tags: column ``tag`` (distinct).
        placed: columns ``sample_id`` and ``tag``.
        clusters: cluster of every row of ``tags``.
    """
    lookup = pd.Series(clusters, index=tags["tag"].tolist())
    hits = placed.assign(cluster_id=placed["tag"].map(lookup)).dropna(subset=["cluster_id"])
    counts = hits.astype({"cluster_id": int}).groupby(["sample_id", "cluster_id"], sort=True).size().rename("n_tags")
    rows = counts.reset_index()
    rows["n_members"] = rows.groupby("cluster_id")["sample_id"].transform("size")
    rows = rows.sort_values(["sample_id", "n_tags", "n_members", "cluster_id"], ascending=[True, False, True, True])
    chosen = rows.drop_duplicates("sample_id").set_index("sample_id")["cluster_id"]
    return chosen.reindex(placed["sample_id"].drop_duplicates()).dropna().astype(int)
