"""What normalization made of the tags: the waterfall, and how often tags are, before and after."""

from __future__ import annotations

from python_models.report.section import Plot, Section, grid
from python_models.report.tables import Tables

_STEPS = """
SELECT step, n_tags, n_occurrences, occurrence_share, n_tagged_samples, tagged_share
FROM {normalization_waterfall} ORDER BY step_no
"""
# A tag by its rank, the most frequent first; of the many ranks those that a logarithmic axis can tell apart.
_FREQUENCIES = """
WITH raw AS (
  SELECT COUNT(*) AS n FROM {raw_tags} GROUP BY raw_tag
), normalized AS (
  SELECT COUNT(*) AS n FROM {normalized_tags} GROUP BY normalized_tag
), ranked AS (
  SELECT 'raw' AS kind, n, ROW_NUMBER() OVER (ORDER BY n DESC) AS tag_rank FROM raw
  UNION ALL
  SELECT 'normalized', n, ROW_NUMBER() OVER (ORDER BY n DESC) FROM normalized
)
SELECT kind, MIN(tag_rank) AS tag_rank, MAX(n) AS n
FROM ranked GROUP BY kind, ROUND(60 * LOG10(tag_rank)) ORDER BY kind, tag_rank
"""


def waterfall(tables: Tables) -> Section:
    """How many tags are left after every step of normalization."""
    name, title = "waterfall", "Normalization, step by step"
    rows = tables.rows(_STEPS)
    if not rows or not rows[0]["n_tags"]:
        return Section(name, title, ("There are no tags to normalize: the table raw_tags has no row.",))
    first, last = rows[0], rows[-1]
    trace = {
        "type": "bar",
        "x": [row["step"].replace("_", " ") for row in rows],
        "y": [row["n_tags"] for row in rows],
        "text": [f"{row['n_tags']:,}" for row in rows],
        "hovertemplate": "%{x}: %{y:,} tags<extra></extra>",
    }
    fact = (
        f"{first['n_tags']:,} raw tags became {last['n_tags']:,}; "
        f"{100 * (last['tagged_share'] or 0):.1f}% of the samples still have one."
    )
    n_steps = next((index for index, row in enumerate(rows) if row["step"] == "frequency"), len(rows))
    if n_steps > 1 and rows[n_steps - 1]["n_tags"] == first["n_tags"]:
        fact += (
            " No rule joined any: no two differed in spelling or form alone, as where a tagger is held to plain words "
            "(the embedded one is)."
        )
    plot = Plot(
        name, f"Bars of the distinct tags left after each step. {fact}", [trace], _axes("step", "distinct tags")
    )
    return Section(name, title, (fact,), (plot,), (grid("Tags, occurrences and samples after each step", rows),))


def frequencies(tables: Tables) -> Section:
    """Frequency of a tag by its rank, raw and normalized, on logarithmic axes."""
    name, title = "frequencies", "How often tags are"
    rows = tables.rows(_FREQUENCIES)
    if not rows:
        return Section(name, title, ("There are no tags: the table raw_tags has no row.",))
    traces = []
    for kind, mode in (("raw", "lines"), ("normalized", "lines+markers")):
        of_kind = [row for row in rows if row["kind"] == kind]
        traces.append(
            {
                "type": "scatter",
                "mode": mode,
                "name": kind,
                "x": [row["tag_rank"] for row in of_kind],
                "y": [row["n"] for row in of_kind],
                "hovertemplate": "rank %{x:,}: %{y:,} samples<extra>" + kind + "</extra>",
            }
        )
    layout = _axes("rank of the tag", "occurrences")
    layout = {axis: {**options, "type": "log"} for axis, options in layout.items()}
    label = "Lines of the occurrences of tags by their rank, raw and normalized, on logarithmic axes."
    return Section(
        name, title, ("A tag by its rank: raw as written, and normalized.",), (Plot(name, label, traces, layout),)
    )


def _axes(x: str, y: str) -> dict[str, dict[str, object]]:
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
