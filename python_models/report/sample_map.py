"""The samples on a plane: the two directions in which the mean vectors of their tags differ most."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_models.report.section import Plot, Section, label
from python_models.report.tables import Tables

_N_EACH = 1_500
"""Kept and dropped samples shown, at most so many of each: a browser draws them in a second."""

_PALETTE = (
    "#4c78a8",
    "#f58518",
    "#54a24b",
    "#e45756",
    "#72b7b2",
    "#b279a2",
    "#9d755d",
    "#d4a72c",
    "#6b8ff0",
    "#d6609b",
)
_SAMPLES = """
WITH placed AS (
  SELECT clusters.sample_id, clusters.cluster_id, selected.sample_id IS NOT NULL AS is_selected
  FROM {clusters} AS clusters LEFT JOIN {selected} AS selected USING (sample_id)
  WHERE clusters.is_primary AND clusters.cluster_id >= 0
), shown AS (
  SELECT *, COUNT(*) OVER () AS n_placed FROM placed
  QUALIFY ROW_NUMBER() OVER (PARTITION BY is_selected ORDER BY sample_id) <= ?
)
SELECT shown.*, labels.label AS cluster_label, LEFT(samples.instruction, 200) AS instruction, tags.tags
FROM shown
INNER JOIN {samples} AS samples USING (sample_id)
LEFT JOIN {cluster_labels} AS labels USING (cluster_id)
INNER JOIN (
  SELECT sample_id, LIST_SORT(LIST(tag)) AS tags FROM {placement_tags} SEMI JOIN shown USING (sample_id) GROUP BY ALL
) AS tags USING (sample_id)
ORDER BY shown.sample_id
"""
_VECTORS = "SELECT tag, embedding FROM {tag_embeddings} WHERE tag IN (SELECT UNNEST(?))"


def sample_map(tables: Tables) -> Section:
    """A point per sample, coloured by cluster, kept ones as diamonds; principal components of mean tag vectors."""
    name, title = "map", "A map of the samples"
    samples = tables.rows(_SAMPLES, _N_EACH)
    if len(samples) < 3:
        return Section(name, title, ("Fewer than three samples have a tag that places them: there is no map to draw.",))
    wanted = sorted({tag for sample in samples for tag in sample["tags"]})
    vectors = {row["tag"]: np.asarray(row["embedding"]) for row in tables.rows(_VECTORS, wanted)}
    means = np.stack([np.mean([vectors[tag] for tag in sample["tags"]], axis=0) for sample in samples])
    points, share = principal_components(means)
    traces = [_trace(samples, points, is_selected) for is_selected in (False, True)]
    facts = (
        f"{len(samples):,} of {samples[0]['n_placed']:,} samples with a tag. The nearer two points, the more alike "
        f"their tags; the two axes show {100 * share:.0f}% of all differences. Colours are "
        "clusters, diamonds are kept.",
    )
    axis = {"showticklabels": False, "zeroline": False}
    plot = Plot(name, f"Points of samples. {facts[0]}", traces, {"xaxis": axis, "yaxis": axis, "hovermode": "closest"})
    return Section(name, title, facts, (plot,))


def principal_components(vectors: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """Project on the two directions of largest variance.

    Args:
        vectors: (n_samples, n_dimensions).

    Returns:
        Points (n_samples, 2), and the share of the variance that they show, 0 to 1. The sign is fixed: the largest
        component of each direction is positive.
    """
    centred = vectors - vectors.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    best = directions[:, ::-1][:, :2]
    best = best * np.sign(best[np.abs(best).argmax(axis=0), [0, 1]])
    total = variances.sum()
    return centred @ best, float(variances[-2:].sum() / total) if total > 0 else 1.0


def _trace(samples: list[dict[str, Any]], points: np.ndarray[Any, Any], is_selected: bool) -> dict[str, Any]:
    shown = [index for index, sample in enumerate(samples) if sample["is_selected"] == is_selected]
    colours = [_PALETTE[samples[index]["cluster_id"] % len(_PALETTE)] for index in shown]
    symbol = {"symbol": "diamond", "size": 10, "opacity": 1.0} if is_selected else {"size": 6, "opacity": 0.4}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "kept" if is_selected else "dropped",
        "x": [round(float(points[index, 0]), 4) for index in shown],
        "y": [round(float(points[index, 1]), 4) for index in shown],
        "marker": {"color": colours, **symbol},
        "text": [_hover(samples[index]) for index in shown],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _hover(sample: dict[str, Any]) -> str:
    return f"{label(sample['instruction'], 70)}<br>{label(sample['cluster_label'], 60)}<br>{sample['sample_id'][:8]}"
