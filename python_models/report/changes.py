"""What entered the selection and what left it the last time that it changed."""

from __future__ import annotations

from python_models.report.section import Section, grid
from python_models.report.tables import Tables
from python_models.terminal import count, shown_line

_N_ROWS = 200
_LATEST = """
WITH events AS (
  SELECT
    entered_at AS changed_at, 'entered' AS event, entered_because AS because, cluster_label AS cluster,
    instruction_start AS instruction, entered_changes AS changes
  FROM {selection_history}
  UNION ALL
  SELECT left_at, 'left', left_because, cluster_label, instruction_start, left_changes
  FROM {selection_history} WHERE NOT left_at IS NULL
)
SELECT
  changed_at, event, because, cluster, instruction, MAX(changes) OVER () AS changes,
  SUM(CASE WHEN event = 'entered' THEN 1 ELSE 0 END) OVER () AS n_entered,
  SUM(CASE WHEN event = 'left' THEN 1 ELSE 0 END) OVER () AS n_left,
  SUM(CASE WHEN because = 'first selection' THEN 0 ELSE 1 END) OVER () AS n_later
FROM events WHERE changed_at = (SELECT MAX(changed_at) FROM events)
ORDER BY event, because, cluster, instruction LIMIT ?
"""
_COLUMNS = ("event", "because", "cluster", "instruction")


def changes(tables: Tables) -> Section:
    """The last change of production's selection: how many, why, under which settings, and the samples."""
    name, title = "changes", "What entered and left"
    rows = tables.rows(_LATEST, _N_ROWS)
    if not rows:
        return Section(name, title, ("The table selection_history has no row: nothing was chosen yet.",))
    row = rows[0]
    when = f"{row['changed_at']:%Y-%m-%d %H:%M} UTC"
    if not row["n_later"]:
        return Section(name, title, (f"The selection of production is its first, of {when}: nothing changed since.",))
    moved = f"{count(int(row['n_entered']), 'sample')} entered, {int(row['n_left']):,} left"
    facts = [f"The last change of production's selection was on {when}: {moved}."]
    if row["changes"]:
        facts.append(f"Changed since the change before: {shown_line(row['changes'])}.")
    shown = [{column: each[column] for column in _COLUMNS} for each in rows]
    return Section(name, title, facts, grids=(grid("What entered and left", shown),))
