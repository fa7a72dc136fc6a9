"""Whether clusters hold together in what is asked for: instructions against random groups of the same sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlglot import exp

from python_models.embedded.embedding import embed_tags

if TYPE_CHECKING:
    from sqlmesh import ExecutionContext

Vectors = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_MOST_CHARS = 4_000
"""Of longer instructions an embedder reads the beginning (256 word pieces): the rest would be tokenized in vain."""

_N_PERMUTATIONS = 199
"""Random groups to compare with: the lowest p-value is 1 in 200."""

_NO_SPREAD = 1e-9
"""A standard deviation below that is rounding: all groupings are alike, and no z-score can be given."""

_MEASURES = ("mean_cosine", "random_cosine", "z_score", "p_value", "silhouette")


def read_instructions(context: ExecutionContext, sample_size: int) -> pd.DataFrame:
    """``instruction`` and ``cluster_id`` of samples in a cluster, those of the lowest hash, in its order.

    Args:
        context: the model's execution context.
        sample_size: how many at most; 0 for none.

    Raises:
        ValueError: ``sample_size`` is no such number.
    """
    if not isinstance(sample_size, int) or sample_size < 0:
        raise ValueError(
            f"The variable coherence_sample_size must be a number of samples, 0 for none, but it is {sample_size!r}."
        )
    clusters, samples = (
        exp.to_table(context.resolve_table(f"tacos.{name}"), dialect="duckdb").as_(name)
        for name in ("clusters", "samples")
    )
    hashed = (
        exp.select("sample_id", "cluster_id", "MD5(sample_id) AS sample_hash")
        .from_(clusters)
        .where("is_primary", "cluster_id >= 0")
    )
    chosen = exp.select("sample_id", "cluster_id", "sample_hash").from_(hashed.subquery("hashed"))
    chosen = chosen.order_by("sample_hash", "sample_id").limit(sample_size)
    return context.fetchdf(
        exp.select("samples.instruction", "chosen.cluster_id")
        .from_(chosen.subquery("chosen"))
        .join(samples, on="samples.sample_id = chosen.sample_id")
        .order_by("chosen.sample_hash", "chosen.sample_id")
    )


def instruction_vectors(instructions: Sequence[str], embedding_model: str) -> Vectors:
    """Unit vectors of instructions, through the cache: shape (n_instructions, n_dimensions).

    Args:
        instructions: texts; their first 4,000 characters count, or fewer, as the model reads.
        embedding_model: the model that embeds tags, too.
    """
    vectors = embed_tags([text[:_MOST_CHARS] for text in instructions], embedding_model).astype(np.float64)
    norms: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def mean_cosines(vectors: Vectors, groups: Sequence[Labels]) -> Vectors:
    """Mean cosine of two different members of each group, from the group's sum: no pair is looked at.

    Args:
        vectors: unit vectors (n, n_dimensions).
        groups: the rows of each group's members.

    Returns:
        Shape (n_groups,), -1 to 1; NaN for a group of one.
    """
    return np.array([_mean_cosine(vectors[group]) for group in groups])


def _mean_cosine(members: Vectors) -> float:
    n_pairs = len(members) * (len(members) - 1)
    total = np.einsum("ij->j", members)
    # einsum adds in one thread, so that the last bits are the same whatever the number of cores.
    products = np.einsum("i,i->", total, total) - np.einsum("ij,ij->", members, members)
    return float(products / n_pairs) if n_pairs else math.nan


def cluster_coherence(vectors: Vectors, clusters: Labels, random_seed: int) -> pd.DataFrame:
    """Coherence of every cluster, and of all of them, against random groups of the same sizes.

    Args:
        vectors: unit vectors (n, n_dimensions) of the samples' instructions, in a fixed order.
        clusters: cluster of each (n,).
        random_seed: seed of the permutations.

    Returns:
        One row per cluster, by its id, and a last one without an id for all, whose mean_cosine is the mean over the
        clusters of two samples or more, weighted by their samples. Columns: ``cluster_id``, ``n_measured``,
        ``mean_cosine`` (of two samples of the cluster), ``random_cosine`` (the same of random groups, on average),
        ``z_score`` (standard deviations between them), ``p_value`` (share of groupings, this one among them, that are
        as coherent; the lowest is 1/200) and ``silhouette`` (-1 to 1, by cosine distance). NaN where there is nothing
        to measure; z is NaN where all groupings are alike, as with a single cluster.

    Source:
        Permutation test of a partition (Good, Permutation Tests, 1994); Rousseeuw 1987 for the silhouette.
    """
    ids, sizes = np.unique(clusters, return_counts=True)

    def coherence(order: Labels) -> Vectors:
        return _with_total(mean_cosines(vectors, np.split(order, sizes.cumsum()[:-1])), sizes)

    observed = coherence(np.argsort(clusters, kind="stable"))
    generator = np.random.default_rng(random_seed)
    random = np.array([coherence(generator.permutation(len(vectors))) for _ in range(_N_PERMUTATIONS)])
    spread = random.std(axis=0, ddof=1)
    is_as_coherent = random >= observed - _NO_SPREAD
    measured = pd.DataFrame(
        {
            "cluster_id": pd.array([*ids.tolist(), None], dtype="Int64"),
            "n_measured": [*sizes.tolist(), len(vectors)],
            "mean_cosine": observed,
            "random_cosine": random.mean(axis=0),
            "z_score": (observed - random.mean(axis=0)) / np.where(spread > _NO_SPREAD, spread, np.nan),
            "p_value": np.where(np.isnan(observed), np.nan, (1 + is_as_coherent.sum(axis=0)) / (1 + _N_PERMUTATIONS)),
            "silhouette": _silhouettes(vectors, clusters, ids),
        }
    )
    return measured.round(dict.fromkeys(_MEASURES, 6))


def _with_total(cosines: Vectors, sizes: Labels) -> Vectors:
    """The values of the groups, and after them their mean, weighted by size; groups of one have no say in it."""
    weights = np.where(np.isnan(cosines), 0, sizes)
    total = np.nansum(cosines * weights) / weights.sum() if weights.any() else np.nan
    return np.append(cosines, total)


def _silhouettes(vectors: Vectors, clusters: Labels, ids: Labels) -> Vectors:
    """Mean silhouette of every cluster, and of all samples; NaN where there are fewer than two clusters.

    The cosine distances of a vector to all of a cluster add up to their number minus its product with their sum, so
    that no pair is looked at here either: scikit-learn, which looks at all, takes longer to be imported than all this.
    """
    if not 2 <= len(ids) < len(vectors):
        return np.full(len(ids) + 1, np.nan)
    own, rows = np.searchsorted(ids, clusters), np.arange(len(vectors))
    sizes = np.bincount(own)
    sums = np.array([vectors[own == group].sum(axis=0) for group in range(len(ids))])
    distances = sizes - vectors @ sums.T
    to_itself = 1 - np.einsum("ij,ij->i", vectors, vectors)
    inside = (distances[rows, own] - to_itself) / np.maximum(sizes[own] - 1, 1)
    others = distances / sizes
    others[rows, own] = np.inf
    # What is no distance but rounding, as between copies, is 0.
    inside, outside = (np.round(values, 12) for values in (inside, others.min(axis=1)))
    widest = np.maximum(inside, outside)
    is_alone = (sizes[own] == 1) | (widest == 0)
    values = np.where(is_alone, 0, (outside - inside) / np.where(is_alone, 1, widest))
    return np.append(np.bincount(own, values) / sizes, values.mean())
