MODEL (
  name tacos_internal.judging_plan,
  kind FULL,
  description 'One row per cluster and round: how many samples compete in it, and how many judge calls that takes.',
  column_descriptions (
    cluster_id = 'The cluster.',
    judging_round = 'The round, from 1.',
    n_pool = 'How many of the best so far are judged in the round.',
    n_pairs = 'Pairs to be judged in the round; 0 where all or none of the cluster are kept anyway.',
    n_checks = 'How many of these pairs are judged in the other order as well.',
    n_calls = 'Judge calls of the round: n_pairs + n_checks.',
    n_calls_so_far = 'Judge calls of the rounds up to this one.',
    is_matching = 'Whether the first ring takes every other edge only, so that each sample is judged once.'
  ),
  grain (cluster_id, judging_round),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, judging_round)),
    NOT_NULL(columns := (n_pool, n_pairs, n_checks, n_calls_so_far)),
    CALLS_STAY_IN_THE_BUDGET
  ),
  tags (
    judging
  )
);

@DEF(calls_per_sample, @JUDGING_NUMBER('judge_calls_per_sample', @judge_calls_per_sample));

@DEF(check_share, @JUDGING_NUMBER('audit_pair_share', @audit_pair_share));

@DEF(is_paper, @JUDGING_OPTION('judging_profile', @judging_profile) = 'paper');

WITH contests AS (
  SELECT
    cluster_id,
    n_candidates AS n,
    n_planned AS k,
    @is_paper OR (
      @calls_per_sample <= 1 AND n_candidates > 5
    ) AS is_matching,
    @is_paper OR n_candidates > n_planned AND n_planned > 0 AS is_open,
    LEAST(n_candidates, GREATEST(3, ROUND(SQRT(2.0 * n_planned * n_candidates)))) AS n_pool_2,
    LEAST(n_candidates, GREATEST(2, 2 * n_planned)) AS n_pool_3
  FROM tacos_internal.cluster_quotas
), first_pairs /* Small clusters: every pair once. The paper: neighbours. Else once or twice round the cluster. */ AS (
  SELECT
    cluster_id,
    n,
    n_pool_2,
    n_pool_3,
    is_matching,
    ROUND(@calls_per_sample * n) AS n_budget,
    @is_paper OR n <= 5 AS is_settled_at_once,
    CASE
      WHEN NOT is_open OR n = 1
      THEN 0
      WHEN is_matching
      THEN CEIL(n / 2.0)
      WHEN n <= 5
      THEN n * (
        n - 1
      ) / 2
      ELSE n
    END AS n_pairs_1
  FROM contests
), first_calls AS (
  SELECT
    cluster_id,
    n,
    n_pool_2,
    n_pool_3,
    is_matching,
    n_pairs_1,
    CASE
      WHEN @is_paper
      THEN n_pairs_1
      WHEN is_settled_at_once
      THEN ROUND(@check_share * n_pairs_1)
      ELSE GREATEST(0, LEAST(ROUND(@check_share * n_pairs_1), n_budget - n_pairs_1))
    END AS n_checks_1,
    CASE WHEN is_settled_at_once OR n_pairs_1 = 0 THEN 0 ELSE n_budget END AS n_budget
  FROM first_pairs
), last_calls /* More than three calls for each of the last pool gain nothing: the rest goes to the second round. */ AS (
  SELECT
    cluster_id,
    n,
    n_pool_2,
    n_pool_3,
    is_matching,
    n_pairs_1,
    n_pairs_1 + n_checks_1 AS n_calls_1,
    GREATEST(0, n_budget - n_pairs_1 - n_checks_1) AS n_rest,
    LEAST(
      FLOOR(GREATEST(0, n_budget - n_pairs_1 - n_checks_1) / 2),
      3 * n_pool_3,
      n_pool_3 * (
        n_pool_3 - 1
      ) / 2
    ) AS n_calls_3
  FROM first_calls
), calls AS (
  SELECT
    cluster_id,
    n,
    n_pool_2,
    n_pool_3,
    is_matching,
    n_pairs_1,
    n_calls_1,
    LEAST(n_rest - n_calls_3, n_pool_2 * (
      n_pool_2 - 1
    ) / 2) AS n_calls_2,
    n_calls_3
  FROM last_calls
), rounds AS (
  SELECT
    cluster_id,
    1 AS judging_round,
    n AS n_pool,
    n_pairs_1 AS n_pairs,
    n_calls_1 AS n_calls,
    n_calls_1 AS n_calls_so_far,
    is_matching
  FROM calls
  UNION ALL
  SELECT
    cluster_id,
    2 AS judging_round,
    n_pool_2 AS n_pool,
    ROUND(n_calls_2 / (
      1 + @check_share
    )) AS n_pairs,
    n_calls_2 AS n_calls,
    n_calls_1 + n_calls_2 AS n_calls_so_far,
    FALSE AS is_matching
  FROM calls
  UNION ALL
  SELECT
    cluster_id,
    3 AS judging_round,
    n_pool_3 AS n_pool,
    ROUND(n_calls_3 / (
      1 + @check_share
    )) AS n_pairs,
    n_calls_3 AS n_calls,
    n_calls_1 + n_calls_2 + n_calls_3 AS n_calls_so_far,
    FALSE AS is_matching
  FROM calls
)
SELECT
  cluster_id::INT AS cluster_id,
  judging_round::INT AS judging_round,
  n_pool::BIGINT AS n_pool,
  n_pairs::BIGINT AS n_pairs,
  (
    n_calls - n_pairs
  )::BIGINT AS n_checks,
  n_calls::BIGINT AS n_calls,
  n_calls_so_far::BIGINT AS n_calls_so_far,
  is_matching::BOOLEAN AS is_matching
FROM rounds
WHERE
  judging_round <= @LAST_JUDGING_ROUND()