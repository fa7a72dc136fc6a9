"""Which tables a plan would leave as they are although a model upstream of them changes what it holds.

SQLMesh calls a direct change non-breaking where the rendered SQL stays the same (a macro written otherwise) or only
gains columns, and lets the children keep their tables, even where a model further up is breaking in the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlmesh.core.plan import PlanBuilder
from sqlmesh.core.snapshot import Snapshot, SnapshotChangeCategory

_BREAKING = (SnapshotChangeCategory.BREAKING, SnapshotChangeCategory.INDIRECT_BREAKING)


def stale_children(snapshots: Mapping[str, Snapshot]) -> dict[str, tuple[str, str]]:
    """The children that would be stale.

    Args:
        snapshots: all snapshots of an environment, by name. One is pending as long as it was not applied.

    Returns:
        Name of a child -> names of the parent whose change is called non-breaking, and of its breaking parent.
    """
    stale = {}
    for child in snapshots.values():
        if child.change_category != SnapshotChangeCategory.INDIRECT_NON_BREAKING:
            continue
        for parent in _pending_parents(child, snapshots):
            breaking = _breaking_ancestor(parent, snapshots)
            if parent.change_category == SnapshotChangeCategory.NON_BREAKING and breaking:
                stale[child.name] = (parent.name, breaking)
    return stale


def categorize_safely(builder: PlanBuilder) -> PlanBuilder:
    """Make a direct change breaking where its children would be stale else; the plan is to be built after it."""
    while stale := stale_children(snapshots := {s.name: s for s in builder.build().snapshots.values()}):
        for name in sorted({parent for parent, _ in stale.values()}):
            builder.set_choice(snapshots[name], SnapshotChangeCategory.BREAKING)
    return builder


def _breaking_ancestor(snapshot: Snapshot, snapshots: Mapping[str, Snapshot]) -> str | None:
    for parent in _pending_parents(snapshot, snapshots):
        found = parent.name if parent.change_category in _BREAKING else _breaking_ancestor(parent, snapshots)
        if found:
            return found
    return None


def _pending_parents(snapshot: Snapshot, snapshots: Mapping[str, Snapshot]) -> list[Snapshot]:
    parents = [snapshots[parent.name] for parent in snapshot.parents if parent.name in snapshots]
    return [parent for parent in parents if not _is_applied(parent, snapshots)]


def _is_applied(snapshot: Snapshot, snapshots: Mapping[str, Snapshot]) -> bool:
    """Whether the snapshot was there before this plan.

    What is embedded never covers an interval: it was there if production has it, or if a table that reads it does.
    """
    if snapshot.is_embedded and not snapshot.unpaused_ts:
        readers = (reader for reader in snapshots.values() if snapshot.snapshot_id in reader.parents)
        return any(_is_applied(reader, snapshots) for reader in readers)
    return bool(snapshot.unpaused_ts or snapshot.intervals or snapshot.dev_intervals)
