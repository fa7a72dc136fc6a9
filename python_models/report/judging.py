"""What the judge did: scores of kept and dropped samples, the two orders of a pair, length against score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from python_models.report.section import Plot, Section, label
from python_models.report.tables import Tables

_N_POINTS = 1_500
_BINS = """
SELECT is_selected, LEAST(FLOOR(judge_score / 5), 19) * 5 AS low, COUNT(*) AS n, SUM(judge_score) AS total
FROM {sample_audit} WHERE judge_score IS NOT NULL GROUP BY ALL ORDER BY is_selected, low
"""
_ORDERS = """
SELECT margin_first, margin_second, is_tie, is_flip, COUNT(*) AS n
FROM {order_checks} GROUP BY ALL ORDER BY margin_first, margin_second, is_tie, is_flip
"""
_LENGTHS = """
WITH judged AS (
  SELECT
    sample_id, is_selected, judge_score, instruction,
    GREATEST(LENGTH(response), 1) AS n_chars, GREATEST(LENGTH(response), 1)::DOUBLE AS length
  FROM {sample_audit} WHERE judge_score IS NOT NULL
), told AS (
  SELECT *, CORR(LOG10(length), judge_score) OVER () AS correlation, COUNT(*) OVER () AS n_judged FROM judged
)
SELECT sample_id, is_selected, judge_score, n_chars, correlation, n_judged, LEFT(instruction, 200) AS instruction
FROM told QUALIFY ROW_NUMBER() OVER (PARTITION BY is_selected ORDER BY sample_id) <= ? ORDER BY sample_id
"""
_KINDS = ((False, "dropped"), (True, "kept"))


def scores(tables: Tables) -> Section:
    """Histogram of the judge's mean scores, kept and dropped."""
    name, title = "scores", "Scores of kept and dropped samples"
    rows = tables.rows(_BINS)
    if not rows:
        return Section(name, title, ("No sample has a score: the table sample_scores has none.",))
    traces, facts = [], []
    for is_selected, kind in _KINDS:
        bins = [row for row in rows if row["is_selected"] == is_selected]
        n = sum(row["n"] for row in bins)
        if n:
            facts.append(f"Mean of the {n:,} {kind}: {sum(row['total'] for row in bins) / n:.1f}.")
        x, y = [row["low"] + 2.5 for row in bins], [row["n"] for row in bins]
        template = "score about %{x}: %{y:,}<extra>" + kind + "</extra>"
        traces.append({"type": "bar", "name": kind, "x": x, "y": y, "hovertemplate": template})
    layout = {"barmode": "stack", **_axes("judge score, in steps of 5", "samples"), "bargap": 0.05}
    facts.append(
        "Samples compete in their cluster only: a dropped one may have a higher score than a kept one elsewhere."
    )
    return Section(name, title, facts, (Plot(name, "Bars of samples by score. " + " ".join(facts), traces, layout),))


def orders(tables: Tables) -> Section:
    """Margins of pairs judged in both orders: a judge who does not mind the order puts all points on the diagonal."""
    name, title = "orders", "The same pair in both orders"
    rows = tables.rows(_ORDERS)
    if not rows:
        return Section(name, title, ("No pair was judged in both orders: the table order_checks has no row.",))
    n = sum(row["n"] for row in rows)
    n_flipped, n_tied = (sum(row["n"] for row in rows if row[name]) for name in ("is_flip", "is_tie"))
    fact = (
        f"{n:,} pairs were judged in both orders. In {n_flipped:,} ({100 * n_flipped / n:.0f}%) the other sample won "
        f"when the order was turned; {n_tied:,} were tied in at least one order."
    )
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [row["margin_first"] for row in rows],
        "y": [row["margin_second"] for row in rows],
        "marker": {"size": [min(6 + 2 * row["n"] ** 0.5, 40) for row in rows], "opacity": 0.6},
        "text": [f"{row['n']:,} pairs" for row in rows],
        "hovertemplate": "order 1: %{x:+}, order 2: %{y:+}, %{text}<extra></extra>",
    }
    plot = Plot(name, f"Points of pairs. {fact}", [trace], _axes("margin in order 1", "margin in order 2"))
    return Section(name, title, (fact, "Top left and bottom right are flips."), (plot,))


def lengths(tables: Tables) -> Section:
    """Length of the response against the score: whether the judge likes long ones."""
    name, title = "lengths", "Length against score"
    rows = tables.rows(_LENGTHS, _N_POINTS)
    if not rows:
        return Section(name, title, ("No sample has a score: the table sample_scores has none.",))
    correlation = rows[0]["correlation"]
    known = correlation is not None and correlation == correlation
    fact = (
        f"Correlation of score and log length over {rows[0]['n_judged']:,} judged samples: {correlation:+.2f}."
        if known
        else "All lengths or all scores are the same: there is no correlation to tell."
    )
    traces = [_points(kind, [row for row in rows if row["is_selected"] == is_selected]) for is_selected, kind in _KINDS]
    layout = _axes("characters of the response", "judge score")
    layout["xaxis"] = {**layout["xaxis"], "type": "log"}
    return Section(name, title, (fact,), (Plot(name, f"Points of {len(rows):,} samples. {fact}", traces, layout),))


def _points(kind: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    rows = list(rows)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kind,
        "x": [row["n_chars"] for row in rows],
        "y": [round(row["judge_score"], 2) for row in rows],
        "text": [label(row["instruction"], 70) for row in rows],
        "marker": {"symbol": "diamond" if kind == "kept" else "circle", "opacity": 0.7},
        "hovertemplate": "%{text}<br>%{x:,} characters, score %{y}<extra>" + kind + "</extra>",
    }


def _axes(x: str, y: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
