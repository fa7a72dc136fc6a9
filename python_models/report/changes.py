"""What entered the selection and what left it the last time that it changed."""

from __future__ import annotations

from python_models.report.section import Section, grid
from python_models.report.tables import Tables
from python_models.terminal import count, shown_line

_N_ROWS = 200
_FIRST = "first selection"
_EVENTS = """
WITH events AS (
  SELECT
    entered_at AS changed_at, 'entered' AS event, entered_because AS because, cluster_label AS cluster,
    instruction_start AS instruction, entered_changes AS changes
  FROM {selection_history}
  UNION ALL
  SELECT left_at, 'left', left_because, cluster_label, instruction_start, left_changes
  FROM {selection_history} WHERE left_at IS NOT NULL
), latest AS (
  SELECT * FROM events WHERE changed_at = (SELECT MAX(changed_at) FROM events)
)
"""
_COUNTS = """
SELECT
  MAX(changed_at) AS changed_at, COUNT(*) FILTER (event = 'entered') AS n_entered,
  COUNT(*) FILTER (event = 'left') AS n_left, BOOL_AND(because = ?) AS is_first, MAX(changes) AS changes
FROM latest
"""
_ROWS = "SELECT event, because, cluster, instruction FROM latest ORDER BY event, because, cluster, instruction LIMIT ?"


def changes(tables: Tables) -> Section:
    """The last change of production's selection: how many, why, under which settings, and the samples."""
    name, title = "changes", "What entered and left"
    (row,) = tables.rows(_EVENTS + _COUNTS, _FIRST)
    if row["changed_at"] is None:
        return Section(name, title, ("The table selection_history has no row: nothing was chosen yet.",))
    when = f"{row['changed_at']:%Y-%m-%d %H:%M} UTC"
    if row["is_first"]:
        return Section(name, title, (f"The selection of production is its first, of {when}: nothing changed since.",))
    facts = [f"The last change of production's selection was on {when}: "
             f"{count(row['n_entered'], 'sample')} entered, {row['n_left']:,} left."]  # fmt: skip
    if row["changes"]:
        facts.append(f"Changed since the change before: {shown_line(row['changes'])}.")
    rows = tables.rows(_EVENTS + _ROWS, _N_ROWS)
    return Section(name, title, facts, grids=(grid("What entered and left", rows),))
