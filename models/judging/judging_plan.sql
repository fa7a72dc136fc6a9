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
    is_matching = 'Whether the first ring takes every other edge only, so that each sample is judged once.',
    judge_calls_per_sample = 'The setting that the plan was made for, so that another one shows as another plan.',
    is_segmented = 'Whether a ring is cut into short segments, each with a matching of its own: a new sample then moves the pairs of one segment only.'
  ),
  grain (cluster_id, judging_round),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, judging_round)),
    NOT_NULL(columns := (n_pool, n_pairs, n_checks, n_calls_so_far)),
    CALLS_STAY_IN_THE_BUDGET,
    EVERY_CLUSTER_WITH_CANDIDATES_HAS_A_PLAN
  ),
  tags (
    judging
  )
);

@DEF(calls_per_sample, @JUDGING_NUMBER('judge_calls_per_sample', @judge_calls_per_sample));

@DEF(check_share, @JUDGING_NUMBER('audit_pair_share', @audit_pair_share));

@DEF(is_paper, @JUDGING_OPTION('judging_profile', @judging_profile) = 'paper');

WITH calls AS (
  SELECT
    cluster_id,
    n_pool_1,
    n_pool_2,
    n_pool_3,
    is_matching,
    n_pairs_1,
    n_calls_1,
    n_calls_2,
    n_calls_3
  FROM tacos_internal.round_calls
), rounds AS (
  SELECT
    cluster_id,
    1 AS judging_round,
    n_pool_1 AS n_pool,
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
    ROUND(n_calls_2::DOUBLE / (
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
    ROUND(n_calls_3::DOUBLE / (
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
  is_matching::BOOLEAN AS is_matching,
  (
    NOT @is_paper AND @calls_per_sample >= 0.6
  )::BOOLEAN AS is_segmented,
  @calls_per_sample::DOUBLE AS judge_calls_per_sample
FROM rounds
WHERE
  judging_round <= @LAST_JUDGING_ROUND()