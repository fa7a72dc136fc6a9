MODEL (
  name tacos_internal.round_calls,
  kind EMBEDDED,
  description 'One row per cluster: the judge calls of every round; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    n_pool_1 = 'Samples judged in the first round.',
    n_pool_2 = 'Samples judged in the second round.',
    n_pool_3 = 'Samples judged in the third round.',
    is_matching = 'Whether the first ring takes every other edge only, so that each sample is judged once.',
    n_pairs_1 = 'Pairs of the first round.',
    n_calls_1 = 'Judge calls of the first round.',
    n_calls_2 = 'Judge calls of the second round.',
    n_calls_3 = 'Judge calls of the third round.'
  ),
  grain cluster_id,
  tags (
    judging
  )
);

WITH last_calls /* More than three calls for each of the last pool gain nothing: the rest goes to the second round. */ AS (
  SELECT
    cluster_id,
    n_pool_1,
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
  FROM tacos_internal.first_round_plan
)
SELECT
  cluster_id::INT AS cluster_id,
  n_pool_1::BIGINT AS n_pool_1,
  n_pool_2::BIGINT AS n_pool_2,
  n_pool_3::BIGINT AS n_pool_3,
  is_matching::BOOLEAN AS is_matching,
  n_pairs_1::BIGINT AS n_pairs_1,
  n_calls_1::BIGINT AS n_calls_1,
  LEAST(n_rest - n_calls_3, n_pool_2 * (
    n_pool_2 - 1
  ) / 2)::BIGINT AS n_calls_2,
  n_calls_3::BIGINT AS n_calls_3
FROM last_calls