"""From raw tags to clusters with the embedded vectors: samples of a topic come together."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from sklearn.metrics import normalized_mutual_info_score
from sqlmesh import Context
from stage_runner import StageRunner

pytestmark = pytest.mark.embedded

TOPICS = {
    "cooking": ["recipe", "cooking", "baking", "ingredients", "kitchen tools", "nutrition", "dessert", "spices"],
    "programming": ["python", "debugging", "software", "algorithm", "code review", "unit testing", "compiler", "api"],
    "astronomy": ["planets", "astronomy", "telescope", "galaxy", "space travel", "black hole", "orbit", "stars"],
    "law": ["contract", "legal advice", "lawsuit", "court", "copyright", "attorney", "regulation", "constitution"],
    "music": ["melody", "guitar", "song writing", "harmony", "concert", "rhythm", "orchestra", "piano"],
    "medicine": ["diagnosis", "symptoms", "vaccine", "surgery", "medication", "disease", "patient care", "therapy"],
    "sports": ["football", "training plan", "marathon", "tennis", "olympics", "coach", "basketball", "swimming"],
    "finance": ["investment", "budget", "stock market", "interest rate", "tax", "loan", "banking", "savings"],
}
GENERIC = ["information", "question", "explanation", "advice"]
"""Tags of every topic: they say nothing."""


def spellings_of(tag: str, choose: random.Random) -> str:
    """The tag, or one of its spellings that normalization brings together."""
    return choose.choice([tag, tag.title(), tag.replace(" ", "-"), tag.replace(" ", "_"), f"the {tag}"])


def made_up_tags(n_samples: int, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Raw tags of samples (``sample_id``, ``raw_tag``), three to five each, and the topic of every sample."""
    choose = random.Random(seed)
    rows, topics = [], []
    for number in range(n_samples):
        topic = choose.choice(sorted(TOPICS))
        topics.append(topic)
        tags = choose.sample(TOPICS[topic], choose.choice([2, 3, 4]))
        tags += choose.sample(GENERIC, 1)
        if choose.random() < 0.2:  # a stray tag of another topic
            tags.append(choose.choice(TOPICS[choose.choice(sorted(TOPICS))]))
        rows += [(f"s{number:04}", spellings_of(tag, choose)) for tag in tags]
    return pd.DataFrame(rows, columns=["sample_id", "raw_tag"]).drop_duplicates(), topics


@pytest.mark.parametrize("n_clusters", [len(TOPICS), 0], ids=["as many clusters as topics", "automatic"])
def test_clusters_are_the_topics(
    project: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_clusters: int
) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    tags, topics = made_up_tags(1_000, seed=3)
    variables = {"n_clusters": n_clusters, "cluster_refit": "cold"}
    runner = StageRunner(project, ["normalization", "clustering"], duckdb.connect(), variables)
    runner.set_table("tacos.raw_tags", tags)
    runner.set_table("tacos.samples", pd.DataFrame({"sample_id": sorted(tags["sample_id"].unique())}))
    runner.run()
    rows = runner.connection.sql("SELECT sample_id, cluster_id FROM tacos.clusters WHERE is_primary ORDER BY 1")
    assert normalized_mutual_info_score(topics, rows.df()["cluster_id"]) >= 0.85
