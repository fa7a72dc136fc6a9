"""Samples to read: the first of the kept ones beside those that were dropped most narrowly."""

from __future__ import annotations

from typing import Any

from python_models.report.section import Sample, Section
from python_models.report.tables import Tables
from python_models.terminal import shown, shown_line

_N_SHOWN = 20
_N_CHARS = 20_000
_COLUMNS = "sample_id, selection_rank, cluster_label, judge_score, decision, instruction, response"
_KEPT = f"SELECT {_COLUMNS} FROM {{sample_audit}} WHERE is_selected ORDER BY selection_rank LIMIT ?"  # noqa: S608
_DROPPED = f"""
SELECT {_COLUMNS} FROM {{sample_audit}} WHERE NOT is_selected AND cluster_rank IS NOT NULL
ORDER BY cluster_rank - COALESCE(last_kept_rank, 0), judge_score DESC NULLS LAST, sample_id LIMIT ?
"""  # noqa: S608


def samples(tables: Tables) -> Section:
    """Twenty kept and twenty narrowly dropped samples."""
    name, title = "samples", "Kept and narrowly dropped"
    kept, dropped = ([_sample(row) for row in tables.rows(query, _N_SHOWN)] for query in (_KEPT, _DROPPED))
    if not kept and not dropped:
        return Section(name, title, ("The table sample_audit has no judged sample.",))
    facts = [
        "The first of the kept ones; and those that came nearest to the cut-off of their cluster, and were dropped."
    ]
    if not dropped:
        facts.append("No judged sample was dropped.")
    return Section(name, title, facts, kept=kept, dropped=dropped)


def _sample(row: dict[str, Any]) -> Sample:
    place = f"{row['selection_rank']}. " if row["selection_rank"] else ""
    score = "no score" if row["judge_score"] is None else f"score {row['judge_score']:.0f}"
    heading = f"{place}{shown_line(row['cluster_label'] or 'no cluster')}, {score}"
    texts = (_cut(row["instruction"]), _cut(row["response"]))
    return Sample(row["sample_id"], heading, shown_line(row["decision"]), *texts)


def _cut(text: str | None) -> str:
    text = shown(text or "")
    return text if len(text) <= _N_CHARS else f"{text[:_N_CHARS]} … ({len(text) - _N_CHARS:,} more characters)"
