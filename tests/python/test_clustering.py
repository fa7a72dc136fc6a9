"""k-means over tags: weights, stable ids, and what happens to the clusters when data grows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from python_models.clustering import kmeans as clustering
from python_models.clustering.kmeans import automatic_n_clusters, cluster_tags, cluster_tags_once


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


def test_of_clusters_of_one_weight_the_one_of_the_first_tag_is_0() -> None:
    tags = pd.DataFrame({"normalized_tag": list("abcd"), "n_samples": 1, "embedding": np.eye(4).tolist()})
    for seed in range(5):
        assert cluster_tags(tags, 4, seed)["cluster_id"].tolist() == [0, 1, 2, 3]


def directions(n_tags: int, seed: int = 0) -> pd.DataFrame:
    """Unit vectors all around, without any clusters to be found: what k-means finds depends on where it starts."""
    vectors = np.random.default_rng(seed).normal(size=(n_tags, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"tag {number:03}" for number in range(n_tags)]
    return pd.DataFrame({"normalized_tag": names, "n_samples": 1, "embedding": vectors.tolist()})


def test_the_seed_decides_where_there_is_a_choice() -> None:
    tags = directions(200)
    pd.testing.assert_frame_equal(cluster_tags(tags, 12, 42), cluster_tags(tags, 12, 42))
    assert not cluster_tags(tags, 12, 42).equals(cluster_tags(tags, 12, 43))


def test_the_best_of_several_starts_is_taken() -> None:
    tags = directions(200)
    vectors = np.array(tags["embedding"].tolist())
    single = [KMeans(12, n_init=1, random_state=seed).fit(vectors).inertia_ for seed in range(20)]
    for seed in range(3):
        assert (cluster_tags(tags, 12, seed)["distance_to_centroid"] ** 2).sum() < np.quantile(single, 0.25)


def test_weights_pull_the_centroid() -> None:
    tags = pd.DataFrame({"normalized_tag": ["a", "b"], "n_samples": [99, 1], "embedding": [[1.0, 0.0], [0.0, 1.0]]})
    distances = cluster_tags(tags, 1, 42).set_index("normalized_tag")["distance_to_centroid"]
    assert distances["a"] == pytest.approx(0.01 * 2**0.5, abs=1e-6)
    assert distances["b"] == pytest.approx(0.99 * 2**0.5, abs=1e-6)


def test_never_more_clusters_than_distinct_vectors() -> None:
    tags = pd.DataFrame({"normalized_tag": ["a", "b"], "n_samples": [1, 1], "embedding": [[1.0, 0.0], [1.0, 0.0]]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns where it is asked for more
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


def in_the_plane(**degrees: float) -> pd.DataFrame:
    """Tags as unit vectors of the plane, by their angle."""
    angles = np.radians(list(degrees.values()))
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    return pd.DataFrame({"normalized_tag": list(degrees), "n_samples": 1, "embedding": vectors.tolist()})


def clusters_before(**cluster_ids: int) -> pd.DataFrame:
    return pd.DataFrame({"normalized_tag": list(cluster_ids), "cluster_id": cluster_ids.values(), "n_samples": 1})


@pytest.mark.parametrize(("refit", "cluster_of_c"), [("frozen", 0), ("warm", 1)])
def test_a_known_tag_moves_to_a_nearer_cluster_unless_it_is_frozen(refit: str, cluster_of_c: int) -> None:
    tags = in_the_plane(a=0, b=1, c=80, d=90, e=91)
    before = clusters_before(a=0, b=0, c=0, d=1, e=1)
    again = cluster_tags(tags, 2, 42, refit, before)
    assert again["cluster_id"].tolist() == [0, 0, cluster_of_c, 1, 1]


@pytest.mark.parametrize("refit", ["warm", "frozen"])
def test_a_refit_keeps_ids_that_have_gaps(refit: str) -> None:
    """The tags of the clusters 1 and 3 to 6 are gone."""
    before = clusters_before(a=7, b=0, c=2)
    again = cluster_tags(in_the_plane(a=0, b=90, c=180, new=5), 3, 42, refit, before)
    assert again["cluster_id"].tolist() == [7, 0, 2, 7]


def test_a_new_tag_goes_to_the_nearest_centroid_and_a_loose_cluster_has_a_short_one() -> None:
    """The centroid of a and b is at 0.5, 0.5: nearer to new than c, though at a larger angle on average."""
    again = cluster_tags(in_the_plane(a=0, b=90, c=-50, new=-1), 2, 42, "frozen", clusters_before(a=0, b=0, c=1))
    assert again["cluster_id"].tolist() == [0, 0, 1, 0]


def test_the_centroids_of_a_refit_are_weighted() -> None:
    tags = in_the_plane(a=0, b=90).assign(n_samples=[99, 1])
    again = cluster_tags(tags, 1, 42, "frozen", clusters_before(a=0, b=0))
    assert again["distance_to_centroid"].tolist() == pytest.approx([0.01 * 2**0.5, 0.99 * 2**0.5], abs=1e-6)


@pytest.mark.parametrize(
    ("n_previous", "n_clusters", "n_after"),
    [(5, 0, 5), (4, 0, 6), (8, 0, 6), (5, 6, 6)],
    ids=["near enough", "too few", "too many", "a given number is exact"],
)
def test_clusters_go_on_while_their_number_is_about_right(n_previous: int, n_clusters: int, n_after: int) -> None:
    """18 tags make 6 clusters: from 5 to 7 are left as they are."""
    tags = directions(18)
    before = tags.assign(cluster_id=np.arange(18) % n_previous)
    assert cluster_tags(tags, n_clusters, 42, "frozen", before)["cluster_id"].nunique() == n_after


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


def test_what_is_remembered_is_for_this_vocabulary_and_these_settings_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    computed: list[Any] = []
    monkeypatch.setattr(clustering, "cluster_tags", lambda *given: computed.append(given) or cluster_tags(*given))
    tags = in_the_plane(a=0, b=45, c=90)
    asked = [
        (tags, 2, 42, "warm"),
        (tags, 3, 42, "warm"),
        (tags, 2, 43, "warm"),
        (tags, 2, 42, "frozen"),
        (tags.assign(n_samples=2), 2, 42, "warm"),
        (tags.assign(normalized_tag=["a", "b", "d"]), 2, 42, "warm"),
        (in_the_plane(a=0, b=45, c=91), 2, 42, "warm"),
    ]
    for given in [*asked, *asked]:
        cluster_tags_once(*given, None)
    assert len(computed) == len(asked)
