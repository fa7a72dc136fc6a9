"""k-means over tags: weights, stable ids, and what happens to the clusters when data grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from python_models.clustering import automatic_n_clusters, cluster_tags, cluster_tags_once


def tags_around(centres: dict[str, tuple[float, float]], per_centre: int = 6, seed: int = 0) -> pd.DataFrame:
    """Unit vectors scattered around named directions; the first centre is the heaviest."""
    rng = np.random.default_rng(seed)
    rows = []
    for weight, (name, centre) in enumerate(reversed(centres.items()), 1):
        for number in range(per_centre):
            vector = np.array([*centre, 0.0]) + 0.05 * rng.normal(size=3)
            rows.append((f"{name} {number}", weight * 10, (vector / np.linalg.norm(vector)).tolist()))
    return pd.DataFrame(rows, columns=["normalized_tag", "n_samples", "embedding"])


CENTRES = {"cooking": (1.0, 0.0), "grammar": (0.0, 1.0), "maths": (-1.0, 0.0)}


def topic_of(frame: pd.DataFrame) -> dict[int, set[str]]:
    topics: dict[int, set[str]] = {}
    for tag, cluster in zip(frame["normalized_tag"], frame["cluster_id"], strict=True):
        topics.setdefault(cluster, set()).add(tag.split()[0])
    return topics


def test_clusters_are_the_topics_and_the_heaviest_is_0() -> None:
    clusters = cluster_tags(tags_around(CENTRES), 3, 42)
    assert topic_of(clusters) == {0: {"cooking"}, 1: {"grammar"}, 2: {"maths"}}
    assert clusters["distance_to_centroid"].between(0, 0.3).all()


def test_the_order_of_rows_does_not_show() -> None:
    tags = tags_around(CENTRES)
    shuffled = tags.sample(frac=1, random_state=7)
    pd.testing.assert_frame_equal(cluster_tags(tags, 3, 42), cluster_tags(shuffled, 3, 42))


def test_weights_pull_the_centroid() -> None:
    tags = pd.DataFrame({"normalized_tag": ["a", "b"], "n_samples": [99, 1], "embedding": [[1.0, 0.0], [0.0, 1.0]]})
    distances = cluster_tags(tags, 1, 42).set_index("normalized_tag")["distance_to_centroid"]
    assert distances["a"] == pytest.approx(0.01 * 2**0.5, abs=1e-6)
    assert distances["b"] == pytest.approx(0.99 * 2**0.5, abs=1e-6)


def test_never_more_clusters_than_distinct_vectors() -> None:
    tags = pd.DataFrame({"normalized_tag": ["a", "b"], "n_samples": [1, 1], "embedding": [[1.0, 0.0], [1.0, 0.0]]})
    assert cluster_tags(tags, 50, 42)["cluster_id"].tolist() == [0, 0]


@pytest.mark.parametrize(("n_tags", "k"), [(1, 1), (2, 2), (60, 11), (6_000, 50)])
def test_automatic_number_of_clusters(n_tags: int, k: int) -> None:
    assert automatic_n_clusters(n_tags) == k


@pytest.mark.parametrize("refit", ["warm", "frozen"])
def test_refits_keep_ids_though_weights_turn_around(refit: str) -> None:
    tags = tags_around(CENTRES)
    first = cluster_tags(tags, 3, 42)
    grown = tags.assign(n_samples=tags["n_samples"].max() + 1 - tags["n_samples"])
    grown.loc[len(grown)] = ["maths new", 5, [-1.0, 0.0, 0.0]]
    again = cluster_tags(grown, 3, 42, refit, first).set_index("normalized_tag")["cluster_id"]
    assert again.drop("maths new").to_dict() == first.set_index("normalized_tag")["cluster_id"].to_dict()
    assert again["maths new"] == 2
    assert topic_of(cluster_tags(grown, 3, 42, "cold", first))[0] == {"maths"}


def test_a_refit_without_change_changes_nothing() -> None:
    tags = tags_around(CENTRES, per_centre=20, seed=3)
    first = cluster_tags(tags, 7, 42)
    pd.testing.assert_frame_equal(first, cluster_tags(tags, 7, 42, "warm", first))


def test_another_number_of_clusters_starts_anew() -> None:
    tags = tags_around(CENTRES)
    first = cluster_tags(tags, 3, 42)
    assert cluster_tags(tags, 5, 42, "warm", first)["cluster_id"].nunique() == 5


def test_an_unknown_refit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="cluster_refit must be one of warm, cold, frozen, but it is 'hot'"):
        cluster_tags(tags_around(CENTRES), 3, 42, "hot")


def test_the_same_vocabulary_has_the_same_clusters_whatever_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay elsewhere has no previous clusters, but the imported cache remembers those of the first machine."""
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    tags = tags_around(CENTRES)
    grown = tags.assign(n_samples=tags["n_samples"].max() + 1 - tags["n_samples"])
    first = cluster_tags_once(tags, 3, 42, "warm", None)
    warm = cluster_tags_once(grown, 3, 42, "warm", first)
    cold = cluster_tags(grown, 3, 42)
    assert warm["cluster_id"].tolist() != cold["cluster_id"].tolist()
    pd.testing.assert_frame_equal(cluster_tags_once(grown, 3, 42, "warm", None), warm)
    assert cluster_tags_once(grown, 3, 42, "cold", None)["cluster_id"].tolist() == cold["cluster_id"].tolist()
