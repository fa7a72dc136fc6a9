"""Coherence of clusters: topics are found to be some, random groups are not, and every number is the textbook's."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_samples
from sqlmesh import Context
from stage_runner import StageRunner

from python_models.diagnostics import coherence
from python_models.diagnostics.coherence import cluster_coherence, mean_cosines

N_TOPICS, PER_TOPIC = 6, 30


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def topics(noise: float = 0.8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors scattered around the axes, and the topic of each."""
    labels = np.repeat(np.arange(N_TOPICS), PER_TOPIC)
    scatter = np.random.default_rng(seed).normal(size=(len(labels), 16)) * noise / 4
    return unit(np.eye(16)[labels] + scatter), labels


def total_of(measured: pd.DataFrame) -> Any:
    return measured[measured["cluster_id"].isna()].iloc[0]


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    vectors, _ = topics()
    groups = np.split(np.random.default_rng(1).permutation(len(vectors)), [1, 3, 8, 48])
    found = mean_cosines(vectors, groups)
    assert np.isnan(found[0])
    for value, group in zip(found[1:], groups[1:], strict=True):
        expected = np.mean([a @ b for a, b in combinations(vectors[group], 2)])
        assert value == pytest.approx(expected, abs=1e-12)


def test_true_topics_are_far_above_random_groups() -> None:
    vectors, labels = topics()
    measured = cluster_coherence(vectors, labels, 42)
    assert measured["n_measured"].tolist() == [PER_TOPIC] * N_TOPICS + [len(labels)]
    assert (measured["z_score"] > 8).all()
    assert (measured["p_value"] == 1 / 200).all()
    assert (measured["silhouette"] > 0.2).all()
    assert total_of(measured)["mean_cosine"] == pytest.approx(measured["mean_cosine"][:-1].mean(), abs=1e-6)


def test_random_clusters_are_no_topics() -> None:
    vectors, labels = topics()
    scores, p_values = [], []
    for seed in range(40):
        shuffled = np.random.default_rng(100 + seed).permutation(labels)
        total = total_of(cluster_coherence(vectors, shuffled, seed))
        scores.append(total["z_score"])
        p_values.append(total["p_value"])
    assert abs(np.mean(scores)) < 0.5, "about 0 on average"
    assert 0.6 < np.std(scores) < 1.5, "a z-score: its spread is about 1"
    assert 0.3 < np.mean(p_values) < 0.7, "all p-values are equally likely"


def test_a_cluster_that_is_no_topic_stands_out() -> None:
    vectors, labels = topics()
    vectors[labels == 3] = unit(np.random.default_rng(1).normal(size=(PER_TOPIC, 16)))
    measured = cluster_coherence(vectors, labels, 42).set_index("cluster_id")
    assert measured["z_score"][3] < 3 < measured["z_score"][2]


def test_the_random_groups_have_the_mean_of_all_pairs() -> None:
    """The expectation of the baseline is known: the mean cosine of two different samples, whatever the size."""
    vectors, labels = topics()
    everything = mean_cosines(vectors, [np.arange(len(vectors))])[0]
    measured = cluster_coherence(vectors, labels, 42)
    assert measured["random_cosine"].to_numpy() == pytest.approx(everything, abs=0.02)


def test_the_silhouette_is_that_of_the_definition() -> None:
    vectors = unit(np.array([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0], [0.2, 1.0], [1.0, 1.0]]))
    labels = np.array([0, 0, 1, 1, 1])
    distances = 1 - vectors @ vectors.T
    expected = []
    for at, label in enumerate(labels):
        own = np.delete(distances[at], at)[np.delete(labels, at) == label].mean()
        other = distances[at][labels != label].mean()
        expected.append((other - own) / max(own, other))
    measured = cluster_coherence(vectors, labels, 42)
    assert measured["silhouette"].tolist() == pytest.approx(
        [np.mean(expected[:2]), np.mean(expected[2:]), np.mean(expected)], abs=1e-6
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_silhouette_is_that_of_scikit_learn(seed: int) -> None:
    """Which looks at every pair. With clusters of one, copies, and a text without a vector."""
    generator = np.random.default_rng(seed)
    vectors, labels = topics(seed=seed)
    vectors[generator.integers(0, len(vectors), 60)] = vectors[0]
    vectors[7] = 0
    labels = np.where(generator.random(len(labels)) < 0.3, generator.integers(0, 40, len(labels)), labels)
    assert (np.unique(labels, return_counts=True)[1] == 1).any()
    expected = silhouette_samples(vectors, labels, metric="cosine")
    means = pd.Series(expected).groupby(labels).mean()
    measured = cluster_coherence(vectors, labels, 42)
    assert measured["silhouette"].tolist() == pytest.approx([*means, expected.mean()], abs=1e-6)


def test_copies_in_two_clusters_have_no_silhouette() -> None:
    """All distances are 0, and what a computer finds instead must not be divided by itself."""
    vectors = unit(np.repeat(np.random.default_rng(0).normal(size=(1, 384)), 20, axis=0))
    assert cluster_coherence(vectors, np.arange(20) % 2, 42)["silhouette"].tolist() == [0, 0, 0]


def test_what_cannot_be_measured_is_missing_not_0() -> None:
    vectors, _ = topics()
    alone = cluster_coherence(vectors[:3], np.array([7, 7, 9]), 42).set_index("cluster_id")
    assert np.isnan(alone["mean_cosine"][9])
    assert np.isnan(alone["p_value"][9])
    assert alone["n_measured"][9] == 1
    single = cluster_coherence(vectors[:9], np.zeros(9, dtype=np.int64), 42)
    assert single["z_score"].isna().all(), "all groupings are this one"
    assert single["silhouette"].isna().all()
    assert (single["p_value"] == 1).all()
    lonely = cluster_coherence(vectors[:1], np.array([0]), 42)
    assert lonely[["mean_cosine", "z_score", "p_value", "silhouette"]].isna().all(axis=None)


def test_the_seed_decides_and_nothing_else() -> None:
    vectors, labels = topics()
    first = cluster_coherence(vectors, labels, 42)
    pd.testing.assert_frame_equal(first, cluster_coherence(vectors, labels, 42))
    assert not first.equals(cluster_coherence(vectors, labels, 43))


@pytest.mark.long
@pytest.mark.parametrize(("size", "n_measured"), [(1000, 7), (4, 4), (0, None)])
def test_the_model_measures_the_samples_of_the_lowest_hash(
    project: Context, monkeypatch: pytest.MonkeyPatch, size: int, n_measured: int | None
) -> None:
    asked: list[str] = []

    def embed(texts: list[str], model_name: str) -> np.ndarray:
        asked.extend(texts)
        return np.array([[1, 0.1 * at] for at in range(len(texts))], dtype=np.float32)

    monkeypatch.setattr(coherence, "embed_tags", embed)
    connection = duckdb.connect()
    runner = StageRunner(project, ["diagnostics"], connection, {"coherence_sample_size": size})
    ids = [f"s{number}" for number in range(9)]
    runner.set_table(
        "tacos.samples", pd.DataFrame({"sample_id": ids, "instruction": [f"{name} {'x' * 5_000}" for name in ids]})
    )
    rows = [(name, at % 2, True) for at, name in enumerate(ids[:7])]
    rows += [("s0", 1, False), ("s7", -1, True)]
    runner.set_table("tacos.clusters", pd.DataFrame(rows, columns=["sample_id", "cluster_id", "is_primary"]))
    runner.run_models(["tacos_internal.coherence_measures"])
    total = connection.sql("FROM tacos_internal.coherence_measures WHERE cluster_id IS NULL").df()
    if n_measured is None:
        assert total.empty
        assert not asked
        return
    assert total["n_measured"].tolist() == [n_measured]
    by_hash = connection.sql("SELECT sample_id FROM tacos.samples WHERE sample_id < 's7' ORDER BY MD5(sample_id)")
    assert [text[:2] for text in asked] == [name for (name,) in by_hash.fetchall()][:n_measured]
    assert {len(text) for text in asked} == {4_000}
    assert runner.failed_audits("tacos_internal.coherence_measures") == {}
