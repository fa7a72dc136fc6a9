"""The history of production's selection: kept beside SQLMesh's tables, so that no rebuild of them can lose it.

SQLMesh gives a model whose parents changed a new, empty table; a table of its own that a plan in a development
environment filled would be promoted as it was then, without what production saw since. So what enters and leaves is
appended to tables that no plan versions, after every plan and run, by comparing the selection that production has now
with what the history says it keeps. Whatever was not recorded (a kill, a failed run) is found by the next comparison.
"""

# ruff: noqa: S608 - the tables' names are constants

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from python_models.selection.configuration import changes_between, configuration_digest, configuration_of
from python_models.selection.differences import STATE_COLUMNS, differences_query, state_query
from python_models.terminal import UserError

if TYPE_CHECKING:
    from sqlmesh.core.engine_adapter.base import EngineAdapter
    from sqlmesh.core.snapshot import Snapshot

CHANGES, EVENTS = "tacos_internal.selection_changes", "tacos_internal.selection_events"
LAST_STATE = "tacos_internal.selection_last_state"
"""The state of every sample when the history was last written: what the next reasons are told from."""

_SELECTED, _OUTCOMES = "tacos.selected", "tacos_internal.sample_outcomes"

TABLES = {
    CHANGES: {
        "change_no": "bigint",
        "recorded_at": "timestamp",
        "configuration_digest": "text",
        "configuration": "text",
        "configuration_changes": "text",
        "n_selected": "bigint",
    },
    EVENTS: {
        "change_no": "bigint",
        "sample_id": "text",
        "event": "text",
        "reason": "text",
        "cluster_before": "text",
        "cluster_after": "text",
        "rank_before": "bigint",
        "rank_after": "bigint",
        "n_candidates_before": "bigint",
        "n_candidates_after": "bigint",
        "last_kept_before": "bigint",
        "last_kept_after": "bigint",
        "instruction_start": "text",
    },
    LAST_STATE: dict(zip(STATE_COLUMNS, ("text", "int", "text", "bigint", "bigint", "bigint", "boolean"), strict=True)),
}
"""Columns of the tables; ``external_models.yaml`` describes them."""

# An event counts if its change is on record: what a kill left between the two inserts does not.
_OPEN = f"""
SELECT sample_id FROM (
  SELECT events.sample_id, events.event
  FROM {EVENTS} AS events INNER JOIN {CHANGES} AS changes ON changes.change_no = events.change_no
  QUALIFY ROW_NUMBER() OVER (PARTITION BY events.sample_id ORDER BY events.change_no DESC) = 1
) AS latest WHERE event = 'entered'
"""
_BEFORE = f"""
SELECT COALESCE(states.sample_id, kept.sample_id) AS sample_id, states.cluster_id, states.cluster_label,
  states.cluster_rank, states.n_cluster_candidates, states.last_kept_rank, kept.sample_id IS NOT NULL AS is_selected
FROM {LAST_STATE} AS states FULL JOIN ({_OPEN}) AS kept ON kept.sample_id = states.sample_id
"""
_AFTER = state_query(_OUTCOMES, "tacos.cluster_labels")
_N_UNSETTLED = f"""
SELECT COUNT(*) FROM (SELECT sample_id FROM {_OUTCOMES} WHERE is_selected) AS outcomes
FULL JOIN {_SELECTED} AS selected ON selected.sample_id = outcomes.sample_id
WHERE outcomes.sample_id IS NULL OR selected.sample_id IS NULL
"""
_N_DIFFERING = f"""
SELECT COUNT(*) FROM ({_OPEN}) AS kept FULL JOIN {_SELECTED} AS selected ON selected.sample_id = kept.sample_id
WHERE kept.sample_id IS NULL OR selected.sample_id IS NULL
"""


class HistoryError(UserError, RuntimeError):
    """The history does not say what production keeps, although it was just written."""


def make_tables(adapter: EngineAdapter) -> None:
    """Make the tables that are not there yet; give older ones the columns that they lack."""
    adapter.create_schema("tacos_internal")
    for name, columns in TABLES.items():
        types = {column: exp.DataType.build(kind, dialect="duckdb") for column, kind in columns.items()}
        if not adapter.table_exists(name):
            adapter.create_table(name, types)
            continue
        for column in types.keys() - adapter.columns(name).keys():
            kind = types[column].sql(dialect=adapter.dialect)
            adapter.execute(f"ALTER TABLE {name} ADD COLUMN {column} {kind}")


def record_selection(adapter: EngineAdapter, snapshots: Mapping[str, Snapshot], now: datetime) -> None:
    """Append what entered and left production's selection since the history was last written.

    Args:
        adapter: the engine of the warehouse.
        snapshots: the models of production as they were planned, by name.
        now: the time of the change (UTC, without time zone).

    Raises:
        HistoryError: what was written is not what production keeps.
    """
    if not all(adapter.table_exists(name) for name in (_SELECTED, _OUTCOMES)) or _number(adapter, _N_UNSETTLED):
        return  # a run that stopped between two tables: the next one settles it, and is recorded
    configuration = configuration_of(snapshots, _SELECTED)
    digest = configuration_digest(configuration)
    with adapter.transaction():
        last = adapter.fetchone(f"SELECT recorded_at, configuration FROM {CHANGES} ORDER BY change_no DESC LIMIT 1")
        before = json.loads(last[1]) if last else {}
        latest = f"SELECT MAX(change_no) AS n FROM {CHANGES} UNION ALL SELECT MAX(change_no) AS n FROM {EVENTS}"
        change_no = _number(adapter, f"SELECT COALESCE(MAX(n), 0) + 1 FROM ({latest}) AS numbers")
        _append_events(adapter, change_no, is_first=last is None)
        n_events = _number(adapter, f"SELECT COUNT(*) FROM {EVENTS} WHERE change_no = {change_no}")
        if n_events or last is None or before != configuration:
            row = {
                "change_no": exp.Literal.number(change_no),
                # A clock that was set back does not make a sample leave before it entered.
                "recorded_at": exp.cast(exp.Literal.string(str(max(now, last[0]) if last else now)), "timestamp"),
                "configuration_digest": exp.Literal.string(digest),
                "configuration": exp.Literal.string(json.dumps(configuration)),
                "configuration_changes": exp.Literal.string(changes_between(before, configuration) if last else ""),
                "n_selected": exp.Literal.number(_number(adapter, f"SELECT COUNT(*) FROM {_SELECTED}")),
            }
            values = exp.select(*[exp.alias_(value, name) for name, value in row.items()])
            adapter.execute(exp.insert(values, CHANGES, columns=list(row)))
        types = {column: exp.DataType.build(kind, dialect="duckdb") for column, kind in TABLES[LAST_STATE].items()}
        adapter.replace_query(LAST_STATE, parse_one(_AFTER, dialect="duckdb", into=exp.Select), types)
        n_differing = _number(adapter, _N_DIFFERING)
        if n_differing:
            raise HistoryError(f"tacos.selection_history differs from tacos.selected in {n_differing:,} samples.")


def _append_events(adapter: EngineAdapter, change_no: int, *, is_first: bool) -> None:
    columns = [name for name in TABLES[EVENTS] if name not in ("change_no", "instruction_start")]
    shown = ["'first selection' AS reason" if name == "reason" and is_first else name for name in columns]
    query = f"""
    INSERT INTO {EVENTS} (change_no, instruction_start, {", ".join(columns)})
    SELECT {change_no} AS change_no, SUBSTRING(samples.instruction, 1, 200) AS instruction_start,
      {", ".join(f"differences.{name}" if " AS " not in name else name for name in shown)}
    FROM ({differences_query(_BEFORE, _AFTER)}) AS differences
    LEFT JOIN tacos.samples AS samples ON samples.sample_id = differences.sample_id
    """
    adapter.execute(parse_one(query, dialect="duckdb"))


def _number(adapter: EngineAdapter, query: str) -> int:
    row = adapter.fetchone(parse_one(query, dialect="duckdb"))
    return int(row[0]) if row else 0
