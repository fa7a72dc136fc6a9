AUDIT (
  name selected_samples_have_their_scores
);

/* What is kept, and its ranks, are those of the scores at hand, and the ranks of the selection have no gap. */
SELECT
  selected.sample_id
FROM (
  SELECT
    sample_id,
    cluster_id,
    cluster_rank,
    selection_rank,
    COUNT(*) OVER () AS n_selected
  FROM @this_model
) AS selected
LEFT JOIN tacos.sample_scores AS scores
  ON scores.sample_id = selected.sample_id AND scores.cluster_id = selected.cluster_id
WHERE
  scores.cluster_rank IS DISTINCT FROM selected.cluster_rank
  OR selected.selection_rank > selected.n_selected;

AUDIT (
  name selected_samples_fill_the_plan
);

/* The plan is a forecast where samples belong to several clusters. */
WITH kept AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_kept
  FROM @this_model
  GROUP BY
    cluster_id
), belonging AS (
  SELECT
    COUNT(*) - COUNT(DISTINCT sample_id) AS n_more
  FROM tacos_internal.memberships
  WHERE
    is_candidate
)
SELECT
  COALESCE(quotas.cluster_id, kept.cluster_id) AS cluster_id
FROM tacos_internal.cluster_quotas AS quotas
FULL JOIN kept
  ON kept.cluster_id = quotas.cluster_id
CROSS JOIN belonging
WHERE
  belonging.n_more = 0
  AND COALESCE(kept.n_kept, 0) <> COALESCE(quotas.n_planned, 0);

AUDIT (
  name outcomes_select_what_is_selected
);

SELECT
  COALESCE(outcomes.sample_id, selected.sample_id) AS sample_id
FROM @this_model AS outcomes
FULL JOIN tacos.selected AS selected
  ON selected.sample_id = outcomes.sample_id
WHERE
  outcomes.sample_id IS NULL
  OR outcomes.is_selected <> (
    NOT selected.sample_id IS NULL
  )
  OR outcomes.selection_rank IS DISTINCT FROM selected.selection_rank