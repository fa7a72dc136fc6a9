"""What ``tacos explain`` tells of a sample: its row of ``sample_audit`` and what stands behind each of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import TYPE_CHECKING, Any

import numpy as np

from python_models.cli.warehouse import rows, table_in

if TYPE_CHECKING:
    from python_models.engine_connection import Connection

_TAGS = """
SELECT tags.raw_tag, fates.normalized_tag, fates.action, fates.reason
FROM {raw_tags} AS tags INNER JOIN {tag_map} AS fates ON fates.raw_tag = tags.raw_tag
WHERE tags.sample_id = ? ORDER BY tags.tag_position
"""
_JUDGMENTS = """
SELECT pairs.judging_round, pairs.cluster_id, pairs.place, pairs.own_score, pairs.opponent_score,
  CASE WHEN pairs.error IS NOT NULL THEN 'failed' WHEN pairs.own_score > pairs.opponent_score THEN 'won'
    WHEN pairs.own_score < pairs.opponent_score THEN 'lost' ELSE 'tied' END AS outcome,
  pairs.opponent_id, opponents.instruction AS opponent_instruction, pairs.model_name, pairs.error
FROM (
  SELECT *, 'first' AS place, second_sample_id AS opponent_id, first_score AS own_score,
    second_score AS opponent_score
  FROM {pair_scores} WHERE first_sample_id = $1
  UNION ALL
  SELECT *, 'second' AS place, first_sample_id AS opponent_id, second_score AS own_score,
    first_score AS opponent_score
  FROM {pair_scores} WHERE second_sample_id = $1
) AS pairs
LEFT JOIN {samples} AS opponents ON opponents.sample_id = pairs.opponent_id
ORDER BY pairs.cluster_id, pairs.judging_round, pairs.place, pairs.opponent_id
"""
_NEIGHBOUR = """
SELECT scores.sample_id, samples.instruction, scores.cluster_rank, scores.judge_score, scores.cluster_score,
  scores.cluster_score_error
FROM {sample_scores} AS scores LEFT JOIN {samples} AS samples ON samples.sample_id = scores.sample_id
WHERE scores.sample_id = ? AND scores.cluster_id = ?
"""
_MEMBERSHIPS = """
SELECT members.cluster_id, labels.label AS cluster_label, members.n_tags, members.is_primary
FROM {clusters} AS members LEFT JOIN {cluster_labels} AS labels ON labels.cluster_id = members.cluster_id
WHERE members.sample_id = ? ORDER BY members.is_primary DESC, members.n_tags DESC, members.cluster_id
"""
_VECTORS = """
SELECT embeddings.embedding
FROM {placement_tags} AS tags INNER JOIN {tag_embeddings} AS embeddings ON embeddings.tag = tags.tag
WHERE tags.sample_id = ? ORDER BY tags.tag
"""
_CENTROIDS = """
SELECT centroids.cluster_id, labels.label AS cluster_label, centroids.centroid
FROM {cluster_centroids} AS centroids
LEFT JOIN {cluster_labels} AS labels ON labels.cluster_id = centroids.cluster_id
WHERE centroids.cluster_on = 'samples' ORDER BY centroids.cluster_id
"""
_INTERNAL = ("placement_tags", "tag_embeddings", "cluster_centroids")


def story_of(connection: Connection, environment: str, sample: dict[str, Any]) -> dict[str, Any]:
    """Everything about a sample, in one dict that JSON can hold.

    Args:
        connection: the warehouse.
        environment: where to look.
        sample: its row of ``sample_audit``.

    Returns:
        The row, and: ``tags``, each with its rule; ``clusters``, those that it or its tags are in; ``centroids``, all
        with their distance from the mean of its tags, the nearest first, none where tags are clustered; ``judgments``,
        all of them; ``last_kept`` and ``next_in_line`` of its cluster, None if there is none.
    """

    def ask(query: str, *parameters: Any) -> list[dict[str, Any]]:
        names = set(_names_in(query))
        tables = {name: table_in(connection, environment, name, _schema(name)) for name in names}
        return rows(connection, query.format_map(tables), parameters)

    sample_id, cluster_id = sample["sample_id"], sample.get("cluster_id")
    neighbours = {
        name: next(iter(ask(_NEIGHBOUR, sample[f"{name}_id"], cluster_id)), None) if sample.get(f"{name}_id") else None
        for name in ("last_kept", "next_in_line")
    }
    return {
        **sample,
        "tags": ask(_TAGS, sample_id),
        "clusters": ask(_MEMBERSHIPS, sample_id),
        "centroids": _distances(ask, sample_id),
        "judgments": ask(_JUDGMENTS, sample_id),
        **neighbours,
    }


def _distances(ask: Callable[..., list[dict[str, Any]]], sample_id: str) -> list[dict[str, Any]]:
    """Euclidean distance and cosine of every centroid and the mean of the sample's tags, the nearest first."""
    vectors = [row["embedding"] for row in ask(_VECTORS, sample_id)]
    centroids = ask(_CENTROIDS) if vectors else []
    if not centroids:
        return []
    mean = np.mean(np.array(vectors, dtype=np.float64), axis=0)
    placed = []
    for row in centroids:
        centroid = np.array(row["centroid"], dtype=np.float64)
        length = np.linalg.norm(mean) * np.linalg.norm(centroid)
        placed.append(
            {
                "cluster_id": row["cluster_id"],
                "cluster_label": row["cluster_label"],
                "distance": round(float(np.linalg.norm(mean - centroid)), 6),
                "cosine": round(float(mean @ centroid / length), 6) if length else None,
            }
        )
    return sorted(placed, key=lambda row: (row["distance"], row["cluster_id"]))


def _names_in(query: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(query) if name]


def _schema(name: str) -> str:
    return "tacos_internal" if name in _INTERNAL else "tacos"
