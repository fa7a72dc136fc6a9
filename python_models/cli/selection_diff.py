"""``tacos selection-diff``: which samples one environment keeps and another does not, and why; or since a day."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.selection.differences import REASONS, differences_query, state_query
from python_models.terminal import count, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from python_models.engine_connection import Connection

_FIRST_CHARS = 90
_SIGNS = {"entered": "+", "left": "-"}

# What entered or left on balance: the state at a time against the state now, each told by its last event.
_SINCE = """
WITH stays AS (
  SELECT
    *,
    entered_at <= TIMESTAMP '{since}' AND (left_at IS NULL OR left_at > TIMESTAMP '{since}') AS was_in,
    left_at IS NULL AS is_in
  FROM tacos.selection_history
), samples AS (
  SELECT sample_id, BOOL_OR(was_in) AS was_in, BOOL_OR(is_in) AS is_in, MAX(stay_no) AS stay_no
  FROM stays
  GROUP BY sample_id
)
SELECT
  stays.sample_id,
  CASE WHEN samples.is_in THEN 'entered' ELSE 'left' END AS event,
  CASE WHEN samples.is_in THEN stays.entered_because ELSE stays.left_because END AS reason,
  CASE WHEN samples.was_in THEN stays.cluster_label END AS cluster_before,
  CASE WHEN samples.is_in THEN stays.cluster_label END AS cluster_after,
  CASE WHEN samples.is_in THEN stays.entered_at ELSE stays.left_at END AS changed_at,
  stays.instruction_start
FROM samples
INNER JOIN stays ON stays.sample_id = samples.sample_id AND stays.stay_no = samples.stay_no
WHERE samples.was_in <> samples.is_in
"""


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "selection-diff",
        help="which samples enter or leave the selection, and why",
        description="Compare what two SQLMesh environments keep: after a change and `sqlmesh plan dev`, "
        "`tacos selection-diff dev` shows what its promotion would change in prod. With --since: what changed in prod "
        "since then, from tacos.selection_history.",
    )
    parser.add_argument("environment", nargs="?", help="environment with the change (default: dev; with --since: prod)")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--against", default="prod", help="environment to compare with (default: prod)")
    other.add_argument("--since", metavar="DATE", type=_moment, help="day or time (UTC): 2026-11-20, 2026-11-20T15:00")
    parser.add_argument("--limit", type=int, default=20, help="samples to list each way (default: 20; 0: all)")
    parser.add_argument("--json", action="store_true", help="as one JSON object with every sample, nothing shortened")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print who enters and leaves.

    Raises:
        WarehouseError: an environment does not exist or was not built, or the history does not reach back so far.
    """
    environment = options.environment or ("prod" if options.since else "dev")
    if options.since and environment != "prod":
        raise WarehouseError("The history is that of prod: give --since, or an environment to compare with it.")
    with open_warehouse() as connection:
        if options.since:
            differences, settings = _since(connection, options.since)
            whence = f"since {options.since:%Y-%m-%d %H:%M}"
        else:
            differences, settings = _between(connection, options.against, environment), []
            whence = f"from {options.against} to {environment}"
    if options.json:
        print(json.dumps({"settings": settings, **_counts(differences), "samples": differences}, default=str))
    else:
        _show(differences, settings, whence, options.limit)
    return 0


def _moment(text: str) -> datetime:
    """A day or a time in UTC, without a time zone, as the history has it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no day or time in UTC such as 2026-11-20 or 2026-11-20T15:00"
        ) from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _between(connection: Connection, before: str, after: str) -> list[dict[str, Any]]:
    outcomes, labels, samples = (
        {name: table_in(connection, name, table, schema) for name in (before, after)}
        for table, schema in (
            ("sample_outcomes", "tacos_internal"),
            ("cluster_labels", "tacos"),
            ("samples", "tacos"),
        )
    )
    differences = differences_query(*(state_query(outcomes[name], labels[name]) for name in (before, after)))
    return rows(
        connection,
        "SELECT differences.*, COALESCE(afters.instruction, befores.instruction) AS instruction_start "  # noqa: S608
        f"FROM ({differences}) AS differences "
        f"LEFT JOIN {samples[after]} AS afters ON afters.sample_id = differences.sample_id "
        f"LEFT JOIN {samples[before]} AS befores ON befores.sample_id = differences.sample_id "
        "ORDER BY event, reason, COALESCE(cluster_after, cluster_before), rank_after, differences.sample_id",
    )


def _since(connection: Connection, since: datetime) -> tuple[list[dict[str, Any]], list[str]]:
    """The differences between production's selection then and now, and what of the configuration changed meanwhile."""
    columns = "recorded_at, configuration_changes"
    changes = rows(connection, f"SELECT {columns} FROM tacos_internal.selection_changes ORDER BY change_no")  # noqa: S608
    if not changes or changes[0]["recorded_at"] > since:
        begin = f"it begins on {changes[0]['recorded_at']:%Y-%m-%d at %H:%M:%S} (UTC)" if changes else "it is empty"
        raise WarehouseError(f"The history of the selection does not reach back to {since:%Y-%m-%d %H:%M}: {begin}.")
    query = f"{_SINCE.format(since=since)} ORDER BY event, reason, COALESCE(cluster_after, cluster_before), sample_id"
    differences = rows(connection, query)
    later = (change for change in changes if change["recorded_at"] > since and change["configuration_changes"])
    return differences, [
        f"{change['recorded_at']:%Y-%m-%d %H:%M}: {change['configuration_changes']}" for change in later
    ]


def _counts(differences: list[dict[str, Any]]) -> dict[str, Any]:
    """Totals, counts by reason and counts by cluster."""
    events = Counter(row["event"] for row in differences)
    by_reason = Counter((row["event"], row["reason"]) for row in differences)
    by_cluster: dict[str, Counter[str]] = {}
    for row in differences:
        by_cluster.setdefault(_cluster(row), Counter())[row["event"]] += 1
    return {
        "n_entered": events["entered"],
        "n_left": events["left"],
        "reasons": [{"event": event, "reason": reason, "n": n} for (event, reason), n in by_reason.most_common()],
        "clusters": [
            {"cluster": cluster, "n_entered": n["entered"], "n_left": n["left"]}
            for cluster, n in sorted(by_cluster.items(), key=lambda item: (-item[1].total(), item[0]))
        ],
    }


def _cluster(row: dict[str, Any]) -> str:
    return str(row["cluster_after"] or row["cluster_before"] or "(in no cluster)")


def _show(differences: list[dict[str, Any]], settings: list[str], whence: str, limit: int) -> None:
    counts = _counts(differences)
    for line in settings:
        print(shown_line(f"changed {line}"))
    if not differences:
        print(f"The selection is the same {whence}.")
        return
    print(f"{count(counts['n_entered'], 'sample')} entered and {counts['n_left']:,} left {whence}.\n")
    for row in counts["reasons"]:
        print(f"  {_SIGNS[row['event']]}{row['n']:<8,} {row['reason']:<16} {REASONS[row['reason']]}")
    print("\nby cluster, where it competes now or did last")
    for row in counts["clusters"]:
        print(shown_line(f"+{row['n_entered']:,} -{row['n_left']:,} {row['cluster']}"))
    for event, sign in _SIGNS.items():
        chosen = [row for row in differences if row["event"] == event]
        print(f"\n{event}" if chosen else "", end="\n" if chosen else "")
        for row in chosen[: limit or None]:
            print(f"{sign} {row['sample_id'][:8]}  " + shown_line(str(row["instruction_start"])[:_FIRST_CHARS]))
            print("    " + shown_line(_why(row)))
        if limit and len(chosen) > limit:
            print(f"... and {len(chosen) - limit:,} more: --limit 0 lists all.")


def _why(row: dict[str, Any]) -> str:
    """The reason with the ranks and the clusters behind it: ``score: number 12 -> 8 of 40, the best 10 are kept``."""
    places = [_place(row, when) for when in ("before", "after")]
    told = " -> ".join(dict.fromkeys(place for place in places if place))
    changed_at = f" on {row['changed_at']:%Y-%m-%d %H:%M}" if row.get("changed_at") else ""
    return f"{row['reason']}{changed_at}: {told}"


def _place(row: dict[str, Any], when: str) -> str:
    cluster, rank = row.get(f"cluster_{when}"), row.get(f"rank_{when}")
    if rank is None:
        return str(cluster or "")
    kept = row[f"last_kept_{when}"] or 0
    return f"number {rank:,} of {row[f'n_candidates_{when}']:,} (kept: {kept:,}) in {cluster}"
