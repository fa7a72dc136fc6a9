"""Sections that are tables: quality of tags, clusters, reliability of the judge, money, other ways to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from python_models.report.overview import measured
from python_models.report.section import Cell, Grid, Plot, Section, cell, grid, label
from python_models.report.tables import Tables

_N_ROWS = 200
_CLUSTERS = """
WITH kept AS (
  SELECT cluster_id, COUNT(*) AS n_kept, ARG_MIN(LEFT(instruction, 160), selection_rank) AS best_kept
  FROM {selected} GROUP BY cluster_id
)
SELECT
  cluster_id AS cluster, label, n_samples AS samples, n_tags AS tags,
  COALESCE(n_kept, 0) AS kept, ROUND(100 * COALESCE(n_kept, 0) / NULLIF(n_samples, 0), 1) AS kept_percent, best_kept
FROM {cluster_labels} LEFT JOIN kept USING (cluster_id) ORDER BY n_samples DESC, cluster_id LIMIT ?
"""
_QUALITY = "SELECT metric, value, value_low, value_high, unit, note FROM {tagging_quality} ORDER BY metric_no"
_COHERENCE = """
SELECT
  COALESCE(cluster_id::TEXT, 'all') AS cluster, label, n_samples AS samples, n_measured AS measured, mean_cosine,
  random_cosine, z_score, p_value, silhouette
FROM {cluster_coherence} ORDER BY cluster_id IS NOT NULL, n_samples DESC, cluster_id LIMIT ?
"""
_SPEND = """
SELECT stage, model_name, payment, n_calls, n_prompt_tokens, n_completion_tokens, cost_usd
FROM {llm_spend} ORDER BY stage, model_name, payment
"""
_N_JUDGES = 4
_RELIABILITY = "SELECT * FROM {judge_reliability} ORDER BY model_name LIMIT ?"
_COMPARISON = """
SELECT method, n_selected, n_shared, shared_share, mean_cluster_score, mean_judge_score, mean_response_chars
FROM {selection_comparison} ORDER BY method <> 'selected', shared_share DESC, method
"""


def clusters(tables: Tables) -> Section:
    """Every cluster with its size, what was kept of it, and the best of that."""
    rows = tables.rows(_CLUSTERS, _N_ROWS)
    if not rows:
        return Section("clusters", "Clusters", ("The table cluster_labels has no row.",))
    fact = f"The {len(rows):,} largest clusters." if len(rows) == _N_ROWS else f"{len(rows):,} clusters, largest first."
    return Section("clusters", "Clusters", (fact,), grids=(grid("Clusters", rows),))


def quality(tables: Tables) -> Section:
    """How many tags there are, how fine, how general, how right."""
    name, title = "quality", "How good the tags are"
    rows = tables.rows(_QUALITY)
    if not rows:
        return Section(name, title, ("The table tagging_quality has no row.",))
    shown = [
        {
            "measure": row["metric"].replace("_", " "),
            "value": _told(row["value"], row["unit"]),
            "95% interval": _interval(row),
            "what it is": row["note"],
        }
        for row in rows
    ]
    return Section(name, title, grids=(grid("Measures of the tags", shown),))


def _interval(row: Mapping[str, Any]) -> str | None:
    ends = [_told(row[end], row["unit"]) for end in ("value_low", "value_high")]
    return None if None in ends else " to ".join(str(end) for end in ends)


def _told(value: float | None, unit: str) -> str | None:
    if value is None:
        return None
    return measured(value, unit) if unit == "share" else f"{cell(value).text} {unit}"


def coherence(tables: Tables) -> Section:
    """Whether the instructions of a cluster are more alike than those of a random group."""
    name, title = "coherence", "Do clusters hold together?"
    rows = tables.rows(_COHERENCE, _N_ROWS)
    if not rows:
        return Section(name, title, ("The table cluster_coherence has no row.",))
    if rows[0]["z_score"] is None:
        return Section(name, title, ("Nothing was measured: coherence_sample_size is 0, or there is one cluster.",))
    fact = (
        f"Instructions of one cluster have a mean cosine of {rows[0]['mean_cosine']:.3f}, those of random groups of "
        f"{rows[0]['random_cosine']:.3f}: {rows[0]['z_score']:.1f} standard deviations apart."
    )
    return Section(name, title, (fact,), grids=(grid("Coherence of the instructions of every cluster", rows),))


def spend(tables: Tables) -> Section:
    """Calls, tokens and dollars by stage and model."""
    name, title = "spend", "What it cost"
    rows = tables.rows(_SPEND)
    if not rows:
        return Section(name, title, ("The table llm_spend has no row: nothing was paid for.",))
    paid = [row for row in rows if row["cost_usd"]]
    names = [label(f"{row['stage']}, {row['model_name']} ({row['payment']})", 40) for row in paid]
    trace = {"type": "bar", "orientation": "h", "y": names, "x": [row["cost_usd"] for row in paid]}
    trace["hovertemplate"] = "%{y}: $%{x:,.4f}<extra></extra>"
    layout = {"xaxis": {"title": {"text": "US dollars"}}, "yaxis": {"automargin": True}}
    plots = (Plot(name, "Bars of the dollars paid by stage and model; the table below has them.", [trace], layout),)
    return Section(name, title, (), plots if paid else (), (grid("Calls, tokens and dollars so far", rows),))


def reliability(tables: Tables) -> Section:
    """How far the judge can be relied on: flips, ties, position, noise."""
    name, title = "reliability", "Reliability of the judge"
    rows = tables.rows(_RELIABILITY, _N_JUDGES)
    if not rows:
        return Section(name, title, ("The table judge_reliability has no row.",))
    # A line per measure: side by side they would be wider than any screen.
    judges = [cell(row["model_name"]).text for row in rows]
    lines = [
        [Cell(column.removeprefix("n_").replace("_", " ")), *(cell(row[column], column) for row in rows)]
        for column in list(rows[0])[1:]
    ]
    return Section(name, title, grids=(Grid(title, ["measure", *judges], lines),))


def comparison(tables: Tables) -> Section:
    """Simpler ways to choose as many samples, compared with the selection."""
    name, title = "comparison", "Simpler ways to choose"
    rows = tables.rows(_COMPARISON)
    if not rows:
        return Section(name, title, ("The table selection_comparison has no row.",))
    facts = tuple(
        f"Of the {row['n_selected']:,} with the longest response in their cluster, {row['n_shared']:,} are kept."
        for row in rows
        if row["method"] == "longest_response"
    )
    return Section(name, title, facts, grids=(grid(title, rows),))
