"""k-means over samples and tags: weights, stable ids, and what happens to the clusters when data grows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from python_models.clustering import centroids as remembering
from python_models.clustering.centroids import fit_centroids_once, fit_other_centroids_once
from python_models.clustering.kmeans import automatic_n_clusters, fit_centroids, nearest
from python_models.clustering.points import Points, Vectors, sample_points, tag_points

CENTRES = {"cooking": (1.0, 0.0), "grammar": (0.0, 1.0), "maths": (-1.0, 0.0)}


def tags_around(centres: dict[str, tuple[float, float]], per_centre: int = 6, seed: int = 0) -> pd.DataFrame:
    """Unit vectors scattered around named directions; the first centre is the heaviest."""
    rng = np.random.default_rng(seed)
    rows = []
    for weight, (name, centre) in enumerate(reversed(centres.items()), 1):
        for number in range(per_centre):
            vector = np.array([*centre, 0.0]) + 0.05 * rng.normal(size=3)
            rows.append((f"{name} {number}", True, weight * 10, (vector / np.linalg.norm(vector)).tolist()))
    return pd.DataFrame(rows, columns=["tag", "is_normalized", "n_samples", "embedding"])


def topic_of(tags: pd.DataFrame, centroids: Vectors) -> dict[int, set[str]]:
    topics: dict[int, set[str]] = {}
    clusters = nearest(np.array(tags["embedding"].tolist()), centroids)
    for tag, cluster in zip(tags["tag"], clusters, strict=True):
        topics.setdefault(int(cluster), set()).add(tag.split()[0])
    return topics


def points_of(vectors: Any, weights: Any = None) -> Points:
    array = np.asarray(vectors, dtype=np.float32)
    given = np.ones(len(array)) if weights is None else np.asarray(weights)
    return Points(array, given.astype(np.float32), len(array), digest="")


def in_the_plane(*degrees: float) -> Vectors:
    """Unit vectors of the plane, by their angle."""
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def directions(n_points: int, seed: int = 0) -> Points:
    """Unit vectors all around, without any clusters to be found: what k-means finds depends on where it starts."""
    vectors = np.random.default_rng(seed).normal(size=(n_points, 8))
    return points_of(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_clusters_are_the_topics_and_the_heaviest_is_0() -> None:
    tags = tags_around(CENTRES)
    assert topic_of(tags, fit_centroids(tag_points(tags), 3, 42)) == {0: {"cooking"}, 1: {"grammar"}, 2: {"maths"}}


def test_a_sample_is_the_mean_of_its_tags_and_equal_ones_are_one_point() -> None:
    tags = pd.DataFrame(
        {
            "tag": ["b", "a", "alone"],
            "is_normalized": [True, True, False],
            "embedding": [[0.0, 1.0], [1.0, 0.0], [-1.0, 0]],
        }
    )
    rows = [("s2", "a"), ("s2", "b"), ("s1", "alone"), ("s3", "b"), ("s3", "a")]
    points = sample_points(tags, pd.DataFrame(rows, columns=["sample_id", "tag"]))
    assert points.vectors.tolist() == [[0.5, 0.5], [-1.0, 0.0]]
    assert points.weights.tolist() == [2, 1]
    assert points.n_tags == 2, "rare tags do not make more clusters"


def test_the_order_of_tags_does_not_show() -> None:
    tags = tags_around(CENTRES)
    shuffled = tags.sample(frac=1, random_state=7)
    assert tag_points(tags).digest == tag_points(shuffled).digest
    assert np.array_equal(fit_centroids(tag_points(tags), 3, 42), fit_centroids(tag_points(shuffled), 3, 42))


def test_of_clusters_of_one_weight_the_one_of_the_first_point_is_0() -> None:
    points = points_of(np.eye(4))
    for seed in range(5):
        assert nearest(points.vectors, fit_centroids(points, 4, seed)).tolist() == [0, 1, 2, 3]


def test_the_seed_decides_where_there_is_a_choice() -> None:
    points = directions(200)
    assert np.array_equal(fit_centroids(points, 12, 42), fit_centroids(points, 12, 42))
    assert not np.array_equal(fit_centroids(points, 12, 42), fit_centroids(points, 12, 43))


def test_the_best_of_several_starts_is_taken() -> None:
    points = directions(200)
    single = [KMeans(12, n_init=1, random_state=seed).fit(points.vectors).inertia_ for seed in range(20)]
    for seed in range(3):
        centroids = fit_centroids(points, 12, seed)
        distances = np.linalg.norm(points.vectors - centroids[nearest(points.vectors, centroids)], axis=1)
        assert (distances**2).sum() < np.quantile(single, 0.25)


@pytest.mark.parametrize(("n_points", "n_starts"), [(4_999, 10), (5_000, 3), (19_999, 3), (20_000, 1)])
def test_many_points_are_worth_fewer_starts(n_points: int, n_starts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def counted(*arguments: Any, n_init: int, **options: Any) -> KMeans:
        tried.append(n_init)
        return KMeans(*arguments, n_init=n_init, **options)

    monkeypatch.setattr("sklearn.cluster.KMeans", counted)
    fit_centroids(points_of(directions(n_points).vectors[:, :2]), 4, 1)
    assert tried == [n_starts, 1]  # and once to the very end


def test_weights_pull_the_centroid() -> None:
    centroids = fit_centroids(points_of([[1.0, 0.0], [0.0, 1.0]], [99, 1]), 1, 42)
    assert centroids.tolist()[0] == pytest.approx([0.99, 0.01], abs=1e-6)


def test_never_more_clusters_than_distinct_points() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns where it is asked for more
        assert len(fit_centroids(points_of([[1.0, 0.0], [1.0, 0.0]]), 50, 42)) == 1


@pytest.mark.parametrize(("n_tags", "k"), [(1, 1), (2, 2), (60, 11), (6_000, 50)])
def test_automatic_number_of_clusters(n_tags: int, k: int) -> None:
    assert automatic_n_clusters(n_tags) == k


@pytest.mark.parametrize("refit", ["warm", "frozen"])
def test_refits_keep_ids_though_weights_turn_around(refit: str) -> None:
    tags = tags_around(CENTRES)
    first = fit_centroids(tag_points(tags), 3, 42)
    grown = tags.assign(n_samples=tags["n_samples"].max() + 1 - tags["n_samples"])
    grown.loc[len(grown)] = ["maths new", True, 5, [-1.0, 0.0, 0.0]]
    again = fit_centroids(tag_points(grown), 3, 42, refit, first)
    assert topic_of(grown, again) == topic_of(tags, first)
    assert topic_of(grown, fit_centroids(tag_points(grown), 3, 42, "cold", first))[0] == {"maths"}


def test_a_warm_fit_moves_the_centroids_and_a_frozen_one_does_not() -> None:
    before = in_the_plane(30, 90)
    points = points_of(in_the_plane(0, 1, 80, 90, 91))
    assert np.array_equal(fit_centroids(points, 2, 42, "frozen", before), before)
    warm = fit_centroids(points, 2, 42, "warm", before)
    assert warm[0] == pytest.approx(points.vectors[:2].mean(axis=0), abs=1e-6)
    assert warm[1] == pytest.approx(points.vectors[2:].mean(axis=0), abs=1e-6)


@pytest.mark.parametrize(
    ("n_previous", "n_clusters", "n_after"),
    [(5, 0, 5), (4, 0, 6), (8, 0, 6), (5, 6, 6)],
    ids=["near enough", "too few", "too many", "a given number is exact"],
)
def test_clusters_go_on_while_their_number_is_about_right(n_previous: int, n_clusters: int, n_after: int) -> None:
    """18 tags make 6 clusters: from 5 to 7 are left as they are."""
    points = directions(18)
    assert len(fit_centroids(points, n_clusters, 42, "frozen", points.vectors[:n_previous])) == n_after


def test_centroids_of_another_space_are_no_start() -> None:
    points = directions(18)
    assert fit_centroids(points, 6, 42, "frozen", np.eye(6)).shape == (6, 8)


def test_a_refit_without_change_changes_nothing() -> None:
    for seed in range(5):
        points = directions(300, seed)
        first = fit_centroids(points, 12, 42)
        assert np.array_equal(first, fit_centroids(points, 12, 42, "warm", first))


def test_an_unknown_refit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="cluster_refit must be one of warm, cold, frozen, but it is 'hot'"):
        fit_centroids(directions(3), 3, 42, "hot")


def test_the_same_points_have_the_same_clusters_whatever_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay elsewhere has no previous clusters, but the imported cache remembers those of the first machine."""
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    tags = tags_around(CENTRES)
    points = tag_points(tags)
    grown = tag_points(tags.assign(n_samples=tags["n_samples"].max() + 1 - tags["n_samples"]))
    first = fit_centroids_once(points, 3, 42, "warm", None)
    warm = fit_centroids_once(grown, 3, 42, "warm", first)
    cold = fit_centroids(grown, 3, 42)
    assert warm.tolist() != cold.tolist()
    assert np.array_equal(fit_centroids_once(grown, 3, 42, "warm", None), warm)
    assert np.array_equal(fit_centroids_once(grown, 3, 42, "cold", None), cold)


def test_what_is_remembered_is_for_these_points_and_these_settings_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    computed: list[Any] = []
    monkeypatch.setattr(remembering, "fit_centroids", lambda *given: computed.append(given) or fit_centroids(*given))
    tags = tags_around(CENTRES)
    placed = pd.DataFrame({"sample_id": ["s", "s", "t"], "tag": ["maths 0", "maths 1", "cooking 0"]})
    other_vectors = tags.assign(embedding=[vector[::-1] for vector in tags["embedding"]])
    asked = [
        (tag_points(tags), 2, 42, "warm"),
        (tag_points(tags), 3, 42, "warm"),
        (tag_points(tags), 2, 43, "warm"),
        (tag_points(tags), 2, 42, "frozen"),
        (tag_points(tags.assign(n_samples=2)), 2, 42, "warm"),
        (tag_points(tags.assign(tag=tags["tag"] + "x")), 2, 42, "warm"),
        (tag_points(other_vectors), 2, 42, "warm"),
        (sample_points(tags, placed), 2, 42, "warm"),
        (sample_points(tags, placed.assign(sample_id=["s", "t", "t"])), 2, 42, "warm"),
        (sample_points(tags.assign(is_normalized=False), placed), 2, 42, "warm"),
        (sample_points(other_vectors, placed), 2, 42, "warm"),
    ]
    for given in [*asked, *asked]:
        fit_centroids_once(*given, None)
    assert len(computed) == len(asked)


def test_clusters_of_other_seeds_are_remembered_by_seed_number_and_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the project's own of the same points; where the cache cannot be written they are fitted every time."""
    cache = tmp_path / "cache.sqlite"
    monkeypatch.setenv("TACOS_CACHE", str(cache))
    points = tag_points(tags_around(CENTRES))
    fit_centroids_once(points, 2, 43, "warm", None)
    asked = [(points, 2, 43, 1), (points, 2, 44, 1), (points, 3, 43, 1), (points, 2, 43, None)]
    computed: list[Any] = []

    def counted(*given: Any, **named: Any) -> Any:
        computed.append(given)
        return fit_centroids(*given, **named)

    monkeypatch.setattr(remembering, "fit_centroids", counted)
    first = [fit_other_centroids_once(*given) for given in asked]
    again = [fit_other_centroids_once(*given) for given in asked]
    assert len(computed) == len(asked)
    for one, other, (_, k, seed, n_starts) in zip(first, again, asked, strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, fit_centroids(points, k, seed, n_starts=n_starts))
    monkeypatch.setattr(remembering, "is_writable", lambda path: False)
    fresh = [fit_other_centroids_once(points, 2, 45, 1) for _ in range(2)]
    assert np.array_equal(*fresh)
    assert len(computed) == len(asked) + 2
