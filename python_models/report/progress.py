"""What judging gained for its dollars, round by round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from python_models.report.section import Plot, Section, grid, label
from python_models.report.tables import Tables
from python_models.terminal import shown_line

_PROGRESS = """
SELECT
  judging_round, model_name AS judge, n_calls, n_calls_so_far, cost_usd, cost_usd_so_far, shared_share, gain_share
FROM {judging_progress} ORDER BY judging_round
"""
_NOTHING_PAID = "Judging cost nothing, and one judge made all rounds: there is nothing to weigh."
_MEANING = (
    "Gain is how far the last scores of what would be kept lie above those of a random choice. It is measured by these "
    "scores themselves, not by an oracle: it tells where judging still changed the selection, not how right it is."
)


def progress(tables: Tables) -> Section:
    """How much of what judging gains was reached for how many dollars, round by round: lift by dollars."""
    name, title = "progress", "What judging gained, by dollars"
    rows = tables.rows(_PROGRESS)
    if len(rows) < 2:
        return Section(name, title, ("The table judging_progress has no row: nothing was judged.",))
    judges = {row["judge"] for row in rows} - {None}
    if not any(row["cost_usd_so_far"] != 0 for row in rows) and len(judges) < 2:
        return Section(name, title, (_NOTHING_PAID,))
    if rows[-1]["gain_share"] is None:
        return Section(name, title, ("All that compete are kept, or score alike: judging gains nothing here.",))
    is_priced = bool(rows[-1]["cost_usd_so_far"])
    facts = [_reached(row, is_priced) for row in rows[1:] if row["n_calls"]]
    facts.append(_MEANING)
    x = [row["cost_usd_so_far" if is_priced else "n_calls_so_far"] for row in rows]
    text = [f"round {row['judging_round']}, {label(row['judge'], 40)}" if row["judge"] else "at random" for row in rows]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": kind,
            "x": x,
            "y": [100 * row[column] for row in rows],
            "text": text,
            "line": {"dash": dash},
            "hovertemplate": "%{text}: %{y:.0f}%<extra>" + kind + "</extra>",
        }
        for column, kind, dash in (("gain_share", "gain", "solid"), ("shared_share", "kept in the end too", "dot"))
    ]
    layout = {
        "xaxis": {"title": {"text": "US dollars so far" if is_priced else "judge calls so far"}},
        "yaxis": {"title": {"text": "% of the final selection"}, "rangemode": "tozero"},
    }
    seen = "Lines of the gain and of what stays kept, by what was spent. " + " ".join(facts)
    return Section(name, title, facts, (Plot(name, seen, traces, layout),), (grid("Rounds of judging", rows),))


def _reached(row: Mapping[str, Any], is_priced: bool) -> str:
    spent = f"${row['cost_usd_so_far']:,.4f} and " if is_priced else ""
    return (
        f"After round {row['judging_round']}, by {shown_line(row['judge'])}, "
        f"for {spent}{row['n_calls_so_far']:,} calls: {row['gain_share']:.0%} of the final gain; "
        f"{row['shared_share']:.0%} of what would be kept is kept in the end."
    )
