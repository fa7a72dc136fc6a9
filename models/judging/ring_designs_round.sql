MODEL (
  name tacos_internal.ring_designs_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per cluster that is judged in the round: how many pairs to draw, and from how many rings; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    n_pool = 'How many of the best so far are judged in the round.',
    n_pairs = 'Pairs to be drawn: the planned ones, and those that earlier rounds could not use.',
    n_checks = 'How many of these pairs are judged in the other order as well.',
    is_matching = 'Whether the first ring takes every other edge only, so that each sample is judged once.',
    is_segmented = 'Whether a ring is cut into segments, each with a matching of its own.',
    is_whole = 'Whether every pair of the pool can be drawn: all distances on one ring, instead of neighbours on a few rings.',
    n_rings = 'How many rings, or distances on the one ring, edges are drawn from.'
  ),
  grain cluster_id,
  tags (
    judging
  )
);

WITH spent AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_calls
  FROM @PAIRS_OF_ROUNDS(@previous_round) AS pairs_before
  GROUP BY
    cluster_id
), contests /* Calls that earlier rounds could not use are used now. */ AS (
  SELECT
    plan.cluster_id,
    plan.n_pool,
    plan.is_matching,
    plan.is_segmented,
    plan.n_checks,
    plan.n_pairs + plan.n_calls_so_far - plan.n_calls - COALESCE(spent.n_calls, 0) AS n_pairs
  FROM tacos_internal.judging_plan AS plan
  LEFT JOIN spent
    ON spent.cluster_id = plan.cluster_id
  WHERE
    plan.judging_round = @judging_round
), sized /* In a small or much judged pool every pair can be drawn, in a large one the neighbours on a few rings. */ AS (
  SELECT
    cluster_id,
    n_pool,
    n_pairs,
    n_checks,
    is_matching,
    is_segmented,
    n_pool <= 40 OR 16 * n_pairs > n_pool * n_pool AS is_whole
  FROM contests
  WHERE
    n_pairs > 0 AND n_pool > 1
)
SELECT
  cluster_id::INT AS cluster_id,
  n_pool::BIGINT AS n_pool,
  n_pairs::BIGINT AS n_pairs,
  n_checks::BIGINT AS n_checks,
  is_matching::BOOLEAN AS is_matching,
  is_segmented::BOOLEAN AS is_segmented,
  is_whole::BOOLEAN AS is_whole,
  CASE
    WHEN @previous_round = 0 AND n_pool > 5
    THEN 1
    WHEN is_whole
    THEN GREATEST(1, FLOOR(n_pool / 2.0))
    ELSE CEIL(1.25 * n_pairs / n_pool) + 2
  END::BIGINT AS n_rings
FROM sized