"""Which samples one selection keeps and another does not, and why: for two environments and for the history."""

# ruff: noqa: S608 - writing SQL is what this module is for

from __future__ import annotations

STATE_COLUMNS = (
    "sample_id",
    "cluster_id",
    "cluster_label",
    "cluster_rank",
    "n_cluster_candidates",
    "last_kept_rank",
    "is_selected",
)
"""What a state of a selection holds, one row per sample."""

REASONS = {
    "new record": "was not among the samples before",
    "record gone": "is not among the samples any more: removed, edited, or beyond sample_limit",
    "new candidate": "did not go to the judge before",
    "no candidate": "does not go to the judge any more",
    "cluster moved": "competes in another cluster, with others",
    "score": "its rank changed; by that alone it enters or leaves",
    "quota": "its cluster keeps another number; by that alone it enters or leaves",
    "score and quota": "its rank and the number that its cluster keeps changed: only both together, or each of them",
    "first selection": "there was no selection on record before",
}
"""Why a sample entered or left, in words."""


def state_query(outcomes: str, labels: str) -> str:
    """The query for the state of a selection: ``STATE_COLUMNS`` from ``sample_outcomes`` and ``cluster_labels``."""
    return (
        "SELECT outcomes.sample_id, outcomes.cluster_id, labels.label AS cluster_label, outcomes.cluster_rank, "
        "outcomes.n_cluster_candidates, outcomes.last_kept_rank, outcomes.is_selected "
        f"FROM {outcomes} AS outcomes LEFT JOIN {labels} AS labels ON labels.cluster_id = outcomes.cluster_id"
    )


def differences_query(before: str, after: str) -> str:
    """The query for the samples that entered or left between two states, in DuckDB's dialect, portable to Spark.

    The number of a cluster means nothing in another fit. So clusters are matched by the samples that they share: two
    are counterparts where each shares more with the other than with any third. Of a cluster that splits, the larger
    part goes on, and the smaller one has moved.

    Args:
        before, after: queries with ``STATE_COLUMNS``.

    Returns:
        One row per sample: ``sample_id``, ``event`` (entered, left), ``reason`` (of ``REASONS``), and of both states
        the label of its cluster, its rank there, the candidates there, and the last rank kept, e.g. ``rank_before``.
    """
    return f"""
    WITH befores AS ({before}), afters AS ({after}), shares AS (
      SELECT afters.cluster_id AS cluster_after, befores.cluster_id AS cluster_before, COUNT(*) AS n_shared
      FROM afters
      INNER JOIN befores ON befores.sample_id = afters.sample_id
      WHERE afters.cluster_id IS NOT NULL AND befores.cluster_id IS NOT NULL
      GROUP BY afters.cluster_id, befores.cluster_id
    ), counterparts AS (
      SELECT cluster_after, cluster_before
      FROM shares
      QUALIFY ROW_NUMBER() OVER (PARTITION BY cluster_after ORDER BY n_shared DESC, cluster_before) = 1
        AND ROW_NUMBER() OVER (PARTITION BY cluster_before ORDER BY n_shared DESC, cluster_after) = 1
    ), changed AS (
      SELECT
        COALESCE(afters.sample_id, befores.sample_id) AS sample_id,
        COALESCE(afters.is_selected, FALSE) AS is_entry,
        befores.sample_id IS NULL AS is_new, afters.sample_id IS NULL AS is_gone,
        befores.cluster_id AS cluster_id_before, afters.cluster_id AS cluster_id_after,
        befores.cluster_label AS cluster_before, afters.cluster_label AS cluster_after,
        befores.cluster_rank AS rank_before, afters.cluster_rank AS rank_after,
        befores.n_cluster_candidates AS n_candidates_before, afters.n_cluster_candidates AS n_candidates_after,
        COALESCE(befores.last_kept_rank, 0) AS last_kept_before, COALESCE(afters.last_kept_rank, 0) AS last_kept_after
      FROM befores
      FULL JOIN afters ON afters.sample_id = befores.sample_id
      WHERE COALESCE(befores.is_selected, FALSE) <> COALESCE(afters.is_selected, FALSE)
    ), weighed AS (
      SELECT
        changed.*,
        counterparts.cluster_before IS NULL OR counterparts.cluster_before <> changed.cluster_id_before AS is_moved,
        (changed.rank_after <= changed.last_kept_before) = changed.is_entry AS score_suffices,
        (changed.rank_before <= changed.last_kept_after) = changed.is_entry AS quota_suffices
      FROM changed
      LEFT JOIN counterparts ON counterparts.cluster_after = changed.cluster_id_after
    )
    SELECT
      sample_id,
      CASE WHEN is_entry THEN 'entered' ELSE 'left' END AS event,
      CASE
        WHEN is_new THEN 'new record'
        WHEN is_gone THEN 'record gone'
        WHEN cluster_id_before IS NULL THEN 'new candidate'
        WHEN cluster_id_after IS NULL THEN 'no candidate'
        WHEN is_moved THEN 'cluster moved'
        WHEN score_suffices AND NOT quota_suffices THEN 'score'
        WHEN quota_suffices AND NOT score_suffices THEN 'quota'
        ELSE 'score and quota'
      END AS reason,
      cluster_before, cluster_after, rank_before, rank_after, n_candidates_before, n_candidates_after,
      CASE WHEN is_new THEN NULL ELSE last_kept_before END AS last_kept_before,
      CASE WHEN is_gone THEN NULL ELSE last_kept_after END AS last_kept_after
    FROM weighed
    """
