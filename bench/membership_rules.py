"""Ways to make clusters of samples that the project measured and does not ship, in numpy: for the comparison alone."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import KMeans

from python_models.embedded.embedding import embed_tags

KEPT = "SELECT sample_id, normalized_tag AS tag FROM tacos.normalized_tags"
ALL = """SELECT DISTINCT raw.sample_id, COALESCE(targets.merged_into, rules.canonical_tag) AS tag
FROM tacos.raw_tags AS raw JOIN tacos_internal.tag_rules AS rules USING (raw_tag)
LEFT JOIN tacos_internal.tag_alias_targets AS targets USING (canonical_tag) WHERE rules.canonical_tag IS NOT NULL"""

Labels = dict[str, int]


def clusters_by_rule(
    connection: duckdb.DuckDBPyConnection, embedding_model: str, n_clusters: int, seed: int
) -> Iterator[tuple[str, Labels]]:
    """Name of each rule and the cluster of every sample that it places; the others have none.

    Args:
        connection: where the tables of the normalization stage are.
        embedding_model: model of the vectors.
        n_clusters: number of clusters.
        seed: seed of k-means.
    """
    kept, every = (connection.sql(f"{query} ORDER BY ALL").df() for query in (KEPT, ALL))
    yield "samples, by the mean of their kept tags alone", _of_samples(kept, embedding_model, n_clusters, seed)
    yield "samples, by the mean of all tags, rare ones too", _of_samples(every, embedding_model, n_clusters, seed)

    counts = kept["tag"].value_counts().sort_index()
    vectors = embed_tags(list(counts.index), embedding_model).astype(np.float64)
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed).fit(vectors, sample_weight=counts.to_numpy())
    homes = pd.Series(kmeans.labels_, index=counts.index)
    samples, means = _means(kept, embedding_model)
    yield "tags, the centroid nearest the mean of the sample", dict(zip(samples, kmeans.predict(means), strict=True))

    rarity = np.log(kept["sample_id"].nunique() / counts)
    votes = kept.assign(cluster=kept["tag"].map(homes), weight=kept["tag"].map(rarity))
    summed = votes.groupby(["sample_id", "cluster"], as_index=False)["weight"].sum()
    best = summed.sort_values(["sample_id", "weight", "cluster"], ascending=[True, False, True]).groupby("sample_id")
    yield "tags, the cluster of the rarest (IDF-weighted)", dict(best["cluster"].first())


def _of_samples(tags: pd.DataFrame, embedding_model: str, n_clusters: int, seed: int) -> Labels:
    samples, means = _means(tags, embedding_model)
    labels = KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(means)
    return dict(zip(samples, labels, strict=True))


def _means(tags: pd.DataFrame, embedding_model: str) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The samples, and the mean vector of the tags of each: shape (n_samples, n_dimensions)."""
    names = sorted(tags["tag"].unique())
    vectors = embed_tags(names, embedding_model).astype(np.float64)
    rows = vectors[tags["tag"].map(dict(zip(names, range(len(names)), strict=True)))]
    means = pd.DataFrame(rows).groupby(tags["sample_id"].to_numpy()).mean()
    return list(means.index), means.to_numpy()
