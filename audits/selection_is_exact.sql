AUDIT (
  name the_budget_is_kept
);

WITH kept AS (
  SELECT
    COUNT(*) AS n_selected
  FROM @this_model
), candidates AS (
  SELECT
    COUNT(DISTINCT sample_id) AS n_candidates
  FROM tacos_internal.memberships
  WHERE
    is_candidate
), budget AS (
  SELECT
    MAX(selection_size) AS selection_size,
    MAX(n_candidates) AS n_largest
  FROM tacos_internal.cluster_quotas
)
SELECT
  kept.n_selected
FROM kept
CROSS JOIN candidates
CROSS JOIN budget
WHERE
  kept.n_selected > budget.selection_size
  OR (
    kept.n_selected < LEAST(budget.selection_size, candidates.n_candidates)
    AND budget.n_largest <= @CLUSTER_CAP()
  );

AUDIT (
  name as_many_samples_are_kept_as_asked_for,
  blocking FALSE
);

SELECT
  shortfall
FROM @this_model
WHERE
  NOT shortfall IS NULL