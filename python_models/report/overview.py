"""How much was kept, by whom it was judged, what it cost, and whether it can be trusted."""

from __future__ import annotations

from python_models.embedded.judge import JUDGE_NAME, OFFLINE_NOTE
from python_models.report.section import Section, grid
from python_models.report.tables import Tables
from python_models.terminal import shown_line

_COUNTS = "SELECT n_samples, n_candidates, n_clusters, n_selected, n_judge_calls, shortfall FROM {selection_counts}"
_JUDGES = "SELECT DISTINCT model_name FROM {pair_replies} ORDER BY 1"
_CHECKS = """
SELECT is_failing, title, value, threshold, unit, advice
FROM {failure_signatures} ORDER BY is_failing DESC NULLS LAST, check_no
"""
_COST = """
SELECT SUM(cost_usd) AS cost_usd, COUNT(*) FILTER (WHERE cost_usd IS NULL AND payment <> 'free') AS n_unknown
FROM {llm_spend}
"""
# Units of the measures that fail below their limit.
_BOUNDS = {"agreement": "least", "score": "least"}


def overview(tables: Tables) -> Section:
    """The headline in sentences."""
    counts = tables.rows(_COUNTS)
    if not counts:
        return Section(
            "overview", "What was chosen", ("The table selection_counts has no row: nothing was chosen yet.",)
        )
    row = counts[0]
    judges = [shown_line(judge["model_name"]) for judge in tables.rows(_JUDGES)]
    facts = [
        f"{row['n_selected']:,} of {row['n_samples']:,} samples are kept, from {row['n_clusters']:,} clusters.",
        f"Judge: {', then '.join(judges) or 'nobody had to'}; {row['n_judge_calls'] or 0:,} comparisons.",
        _cost(tables),
    ]
    if JUDGE_NAME in judges:
        facts.append(f"These scores come from an {OFFLINE_NOTE}: it measures novelty, structure and junk, not truth.")
    if row["shortfall"]:
        facts.append(shown_line(row["shortfall"]))
    return Section("overview", "What was chosen", facts)


def verdict(tables: Tables) -> Section:
    """The failure signatures, those that fail first, with a light each."""
    rows = tables.rows(_CHECKS)
    if not rows:
        return Section("verdict", "Can it be trusted?", ("The table failure_signatures has no row.",))
    n_failing = sum(row["is_failing"] is True for row in rows)
    n_passed = sum(row["is_failing"] is False for row in rows)
    fact = f"{n_passed} of {len(rows)} checks passed, {n_failing} failed"
    n_silent = len(rows) - n_passed - n_failing
    fact += f", {n_silent} could not be made." if n_silent else "."
    shown = [
        {
            "verdict": row["is_failing"],
            "check": row["title"],
            "measured": None if row["value"] is None else measured(row["value"], row["unit"]),
            "limit": f"at {_BOUNDS.get(row['unit'], 'most')} {measured(row['threshold'], row['unit'])}",
            "what_to_do": row["advice"] if row["is_failing"] else None,
        }
        for row in rows
    ]
    return Section("verdict", "Can it be trusted?", (fact,), grids=(grid("Failure signatures", shown),))


def measured(number: float, unit: str) -> str:
    """A measure of a failure signature as a reader says it: a share in percent, the others as they are."""
    if unit == "share":
        return f"{number:.1%}".replace(".0%", "%")
    return f"{number:.2f}" if unit in ("agreement", "correlation") else f"{number:.3g}"


def _cost(tables: Tables) -> str:
    (row,) = tables.rows(_COST)
    if row["n_unknown"]:
        return f"What it cost is not known in full: ${row['cost_usd'] or 0:,.2f} and calls of models without a price."
    return f"It cost ${row['cost_usd'] or 0:,.2f} so far, in all environments."
