"""From tags to clusters as the project's own models do it: SQL against numpy, production as the start, stability."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sqlmesh import Context
from sqlmesh.core.model import Model
from stage_runner import StageRunner

from python_models.clustering.placement import place_by_mean, place_by_most_tags
from python_models.clustering.stability import adjusted_rand_index, seed_stability

pytestmark = pytest.mark.long


TAGS = [f"tag {number:02}" for number in range(60)]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))


def vectors_of(tags: Iterable[str], *_: Any) -> np.ndarray:
    """Made-up unit vectors, a fixed one for each tag."""
    rows = [np.random.default_rng(int.from_bytes(tag.encode(), "big")).normal(size=12) for tag in tags]
    return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


def samples_with_tags(n_samples: int, seed: int = 0) -> pd.DataFrame:
    choose = np.random.default_rng(seed)
    rows = [
        (f"s{seed}-{number:04}", tag, True)
        for number in range(n_samples)
        for tag in choose.choice(TAGS, size=choose.integers(1, 6), replace=False)
    ]
    return pd.DataFrame(rows, columns=["sample_id", "tag", "is_normalized"])


class Clustering:
    """The models from ``placement_tags`` to ``clusters``, over made-up vectors."""

    def __init__(self, project: Context, placed: pd.DataFrame, **variables: Any) -> None:
        self.connection = duckdb.connect()
        self.runner = StageRunner(project, ["clustering"], self.connection, variables)
        made = {"tacos_internal.placement_tags", "tacos_internal.tag_embeddings"}
        later = {"tacos_internal.cluster_words", "tacos.cluster_labels"}
        self.runner.models: list[Model] = [model for model in self.runner.models if model.name not in made | later]
        self.set_tags(placed)

    def set_tags(self, placed: pd.DataFrame) -> None:
        counts = placed.groupby(["tag", "is_normalized"]).size().rename("n_samples").reset_index()
        vectors = list(vectors_of(counts["tag"]).tolist())
        self.runner.set_table("tacos_internal.placement_tags", placed)
        self.runner.set_table(
            "tacos_internal.tag_embeddings", counts.assign(embedding=vectors, embedding_model="made up")
        )
        self.runner.set_table("tacos.samples", placed[["sample_id"]].drop_duplicates())
        kept = placed[placed["is_normalized"]].rename(columns={"tag": "normalized_tag"})
        self.runner.set_table("tacos.normalized_tags", kept[["sample_id", "normalized_tag"]])

    def run(self) -> Clustering:
        self.runner.run()
        return self

    def query(self, sql: str) -> pd.DataFrame:
        return self.connection.sql(sql).df()

    @property
    def primary(self) -> pd.Series[int]:
        rows = self.query("SELECT sample_id, cluster_id FROM tacos.clusters WHERE is_primary ORDER BY sample_id")
        return rows.set_index("sample_id")["cluster_id"]

    @property
    def tags(self) -> pd.DataFrame:
        return self.query("SELECT * FROM tacos_internal.tag_embeddings ORDER BY tag")

    @property
    def centroids(self) -> np.ndarray:
        rows = self.query("SELECT centroid FROM tacos_internal.cluster_centroids ORDER BY cluster_id")
        return np.array(rows["centroid"].tolist())


@pytest.mark.parametrize("n_clusters", [1, 7, 25, 26, 51])
def test_sql_and_numpy_place_the_same_samples(project: Context, n_clusters: int) -> None:
    placed = samples_with_tags(2_000)
    clustering = Clustering(project, placed, n_clusters=n_clusters, cluster_refit="cold").run()
    expected = place_by_mean(clustering.tags, placed, clustering.centroids)
    assert clustering.primary.to_dict() == expected.to_dict()
    assert expected.nunique() == n_clusters
    assert not [found for model in clustering.runner.models for found in clustering.runner.failed_audits(model.name)]


def test_sql_and_numpy_agree_where_tags_are_clustered(project: Context) -> None:
    placed = samples_with_tags(2_000)
    clustering = Clustering(project, placed, n_clusters=9, cluster_refit="cold", cluster_on="tags").run()
    clusters = clustering.query("SELECT cluster_id FROM tacos.tag_clusters ORDER BY normalized_tag")["cluster_id"]
    expected = place_by_most_tags(clustering.tags, placed, clusters.to_numpy())
    assert clustering.primary.to_dict() == expected.to_dict()


def test_the_order_of_the_rows_does_not_show(project: Context) -> None:
    placed = samples_with_tags(500)
    first = Clustering(project, placed, cluster_refit="cold").run()
    again = Clustering(project, placed.sample(frac=1, random_state=3), cluster_refit="cold").run()
    assert np.array_equal(first.centroids, again.centroids)
    assert first.primary.to_dict() == again.primary.to_dict()


def test_a_bounded_number_of_samples_is_fitted_and_all_are_placed(project: Context) -> None:
    """One tag is on so few samples that none of them is fitted: its samples have a cluster all the same."""
    placed = samples_with_tags(500)
    clustering = Clustering(project, placed, cluster_fit_size=30, n_clusters=5, cluster_refit="cold").run()
    whole = Clustering(project, placed, n_clusters=5, cluster_refit="cold").run()
    assert len(clustering.primary) == 500
    assert set(clustering.primary) == set(range(5))
    assert not np.array_equal(clustering.centroids, whole.centroids)


def test_production_is_the_start_though_the_table_of_the_environment_is_new(project: Context, tmp_path: Path) -> None:
    """A new snapshot has an empty table of its own; production's view is what carries the ids over."""
    placed, grown = samples_with_tags(800), pd.concat([samples_with_tags(800), samples_with_tags(8, seed=1)])
    production = Clustering(project, placed, n_clusters=12).run()
    centroids = production.query("SELECT * FROM tacos_internal.cluster_centroids")
    moved = {}
    for has_production in (True, False):
        development = Clustering(project, grown, n_clusters=12, random_seed=7 + has_production)
        development.runner.physical_tables["tacos_internal.cluster_centroids"] = "tacos_internal.of_a_new_snapshot"
        if has_production:
            development.runner.set_table("tacos_internal.cluster_centroids", centroids)
        development.runner.run_models(["tacos_internal.cluster_centroids"])
        again = development.query("SELECT * FROM tacos_internal.of_a_new_snapshot")
        development.runner.physical_tables.clear()
        development.runner.set_table("tacos_internal.cluster_centroids", again)
        development.runner.run_models(
            [model.name for model in development.runner.models if "cluster_centroids" not in model.name]
        )
        before = production.primary
        moved[has_production] = (development.primary.reindex(before.index) != before).mean()
    assert moved[True] < 0.05
    assert moved[False] > 0.3


@pytest.mark.parametrize("n_clusters", [1, 2, 7, 100])
def test_agreement_of_partitions_is_that_of_scikit_learn(n_clusters: int) -> None:
    generator = np.random.default_rng(n_clusters)
    clusters = generator.integers(0, n_clusters, 100)
    partitions = [clusters, 5 - clusters, generator.permutation(clusters), clusters // 2, np.arange(100), clusters * 0]
    for others in partitions:
        found = adjusted_rand_index(clusters.tolist(), others.tolist())
        assert found == pytest.approx(adjusted_rand_score(clusters, others), abs=1e-12)


def test_stability_finds_what_the_seed_decides() -> None:
    """Three far groups are the same from any seed; of tags all around, every seed makes others."""
    names = [f"{group} {number}" for group in "abc" for number in range(5)]
    axes = np.repeat(np.eye(3), 5, axis=0)
    tags = pd.DataFrame({"tag": names, "is_normalized": True, "n_samples": 1, "embedding": axes.tolist()})
    placed = pd.DataFrame({"sample_id": [f"s{at:02}" for at in range(15)], "tag": names})
    samples = pd.DataFrame(
        {
            "sample_id": placed["sample_id"],
            "cluster_id": np.repeat([0, 1, 2], 5),
            "judge_score": np.arange(15.0),
            "is_selected": [True] * 6 + [False] * 9,
        }
    )
    stable = seed_stability(samples, tags, placed, "samples", [1, 2])
    assert stable["adjusted_rand_index"].tolist() == [1, 1]
    assert stable["changed_selection_share"].tolist() == [0, 0]
    assert seed_stability(samples, tags, placed, "tags", [1])["adjusted_rand_index"].tolist() == [1]

    shuffled = samples.assign(cluster_id=np.tile([0, 1, 2], 5))
    chance = seed_stability(shuffled, tags, placed, "samples", [1])
    assert chance["adjusted_rand_index"][0] < 0.1
    assert chance["changed_selection_share"][0] > 0
