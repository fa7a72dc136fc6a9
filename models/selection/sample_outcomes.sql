MODEL (
  name tacos_internal.sample_outcomes,
  kind FULL,
  depends_on (
    tacos.samples
  ),
  description 'One row per sample: where it competed, how it ranked there, and why it was kept or dropped.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster it is kept for or, if it is dropped, in which it came nearest; NULL if it was not judged.',
    membership = 'Why it competes where it does, or why it does not.',
    cluster_rank = 'Its rank there, 1 the best; NULL if it was not judged.',
    n_cluster_candidates = 'How many competed there.',
    last_kept_rank = 'The worst rank that was kept there: the cut-off; NULL if none was.',
    is_selected = 'Whether it is kept.',
    selection_rank = 'Its place in the selection; NULL if it is dropped.',
    decision = 'Why it was kept or dropped, in a sentence.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    NOT_NULL(columns := (membership, is_selected, decision)),
    EVERY_SAMPLE_HAS_AN_OUTCOME,
    OUTCOMES_SELECT_WHAT_IS_SELECTED
  ),
  tags (
    selection
  )
);

WITH cutoffs AS (
  SELECT
    cluster_id,
    MAX(cluster_rank) AS last_kept_rank
  FROM tacos.selected
  GROUP BY
    cluster_id
), places /* Of several clusters, the one it is kept for, else the one in which it ranks best. */ AS (
  SELECT
    candidates.sample_id,
    CASE WHEN candidates.is_candidate THEN candidates.cluster_id END AS cluster_id,
    candidates.reason,
    scores.cluster_rank,
    selected.selection_rank
  FROM tacos_internal.memberships AS candidates
  LEFT JOIN tacos.sample_scores AS scores
    ON scores.sample_id = candidates.sample_id
    AND scores.cluster_id = candidates.cluster_id
  LEFT JOIN tacos.selected AS selected
    ON selected.sample_id = candidates.sample_id
    AND selected.cluster_id = candidates.cluster_id
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY candidates.sample_id
      ORDER BY COALESCE(selected.selection_rank, 1000000000), COALESCE(scores.cluster_rank, 1000000000), candidates.cluster_id
    ) = 1
)
SELECT
  places.sample_id::TEXT AS sample_id,
  places.cluster_id::INT AS cluster_id,
  places.reason::TEXT AS membership,
  places.cluster_rank::BIGINT AS cluster_rank,
  quotas.n_candidates::BIGINT AS n_cluster_candidates,
  cutoffs.last_kept_rank::BIGINT AS last_kept_rank,
  (
    NOT places.selection_rank IS NULL
  )::BOOLEAN AS is_selected,
  places.selection_rank::BIGINT AS selection_rank,
  CASE
    WHEN NOT places.selection_rank IS NULL
    THEN 'kept: number ' || places.cluster_rank::TEXT || ' of ' || quotas.n_candidates::TEXT || ' in its cluster, place ' || places.selection_rank::TEXT || ' of ' || quotas.selection_size::TEXT
    WHEN places.cluster_id IS NULL
    THEN 'dropped, ' || places.reason
    WHEN cutoffs.last_kept_rank IS NULL
    THEN 'dropped: the budget of ' || quotas.selection_size::TEXT || ' was used up before the turn of its cluster'
    ELSE 'dropped: number ' || places.cluster_rank::TEXT || ' of ' || quotas.n_candidates::TEXT || ' in its cluster, of which the best ' || cutoffs.last_kept_rank::TEXT || ' are kept'
  END::TEXT AS decision
FROM places
LEFT JOIN tacos_internal.cluster_quotas AS quotas
  ON quotas.cluster_id = places.cluster_id
LEFT JOIN cutoffs
  ON cutoffs.cluster_id = places.cluster_id