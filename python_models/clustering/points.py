"""What k-means sees: tags as they are, or samples as the mean of their tags' vectors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pandas as pd

Vectors = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Points:
    """Weighted points.

    Attributes:
        vectors: shape (n_points, n_dimensions), float32.
        weights: shape (n_points,): how many samples each stands for.
        n_tags: size of the vocabulary, from which an automatic number of clusters follows.
        digest: identity of all this, sha256 in hex, of the texts and vectors of the tags that it was made of.
    """

    vectors: Vectors
    weights: Vectors
    n_tags: int
    digest: str


def tag_points(tags: pd.DataFrame) -> Points:
    """One point per normalized tag, weighted by its samples: the objective of clustering every occurrence of a tag.

    Args:
        tags: columns ``tag`` (distinct), ``is_normalized``, ``n_samples`` and ``embedding``.
    """
    tags = tags[tags["is_normalized"]].sort_values("tag", ignore_index=True)
    weights = tags["n_samples"].to_numpy(dtype=np.float32)
    return Points(_matrix(tags), weights, len(tags), _digest(tags, weights.tolist()))


def sample_points(tags: pd.DataFrame, placed: pd.DataFrame) -> Points:
    """One point per distinct set of tags, the mean of their vectors, weighted by the samples that carry it.

    Args:
        tags: columns ``tag`` (distinct), ``is_normalized`` and ``embedding``.
        placed: columns ``sample_id`` and ``tag``, the rows of a sample together; the order of the samples is that of
            the points (a set stands where its first sample does).
    """
    tags = tags[tags["tag"].isin(placed["tag"])].sort_values("tag", ignore_index=True)
    sets = Counter(tag_sets(tags["tag"], placed).values())
    means = mean_vectors(_matrix(tags), list(sets))
    n_normalized = int(tags["is_normalized"].sum())
    weights = np.fromiter(sets.values(), dtype=np.float32)
    return Points(means, weights, n_normalized or len(tags), _digest(tags, list(sets.items())))


def tag_sets(tags: pd.Series[str], placed: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """The tags of every sample, as sorted positions in ``tags``; the samples in the order of the rows."""
    positions = placed["tag"].map(pd.Series(range(len(tags)), index=list(tags)))
    rows = zip(placed["sample_id"], positions, strict=True)
    return {sample: tuple(sorted(int(at) for _, at in tagged)) for sample, tagged in groupby(rows, itemgetter(0))}


def mean_vectors(vectors: Vectors, sets: list[tuple[int, ...]]) -> Vectors:
    """Mean vector of every set of positions: shape (n_sets, n_dimensions), float32."""
    means = np.empty((len(sets), vectors.shape[1]), dtype=np.float32)
    for at, positions in enumerate(sets):
        means[at] = vectors[list(positions)].mean(axis=0, dtype=np.float64)
    return means


def _matrix(tags: pd.DataFrame) -> Vectors:
    return np.asarray(tags["embedding"].tolist(), dtype=np.float32)


def _digest(tags: pd.DataFrame, members: list[object]) -> str:
    """The texts and vectors, and what the points are of them: not the means, whose last bits depend on the machine."""
    digest = sha256(repr((tags["tag"].tolist(), tags["is_normalized"].tolist(), members)).encode())
    digest.update(_matrix(tags).tobytes())
    return digest.hexdigest()
