MODEL (
  name tacos_internal.first_round_plan,
  kind EMBEDDED,
  description 'One row per cluster: its pools, the judge calls of the first round, and what may be spent in all; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    n_pool_1 = 'Samples judged in the first round: all candidates.',
    n_pool_2 = 'How many are left for the second round, if there is one.',
    n_pool_3 = 'How many are left for the third round, if there is one.',
    is_matching = 'Whether the first ring takes every other edge only, so that each sample is judged once.',
    n_pairs_1 = 'Pairs of the first round; 0 where all or none of the cluster are kept anyway.',
    n_checks_1 = 'How many of them are judged in the other order as well.',
    n_budget = 'Judge calls of all rounds together; 0 where the first round settles the cluster.'
  ),
  grain cluster_id,
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
)
SELECT
  cluster_id::INT AS cluster_id,
  n::BIGINT AS n_pool_1,
  n_pool_2::BIGINT AS n_pool_2,
  n_pool_3::BIGINT AS n_pool_3,
  is_matching::BOOLEAN AS is_matching,
  n_pairs_1::BIGINT AS n_pairs_1,
  CASE
    WHEN @is_paper
    THEN n_pairs_1
    WHEN is_settled_at_once
    THEN ROUND(@check_share * n_pairs_1)
    ELSE GREATEST(0, LEAST(ROUND(@check_share * n_pairs_1), n_budget - n_pairs_1))
  END::BIGINT AS n_checks_1,
  CASE WHEN is_settled_at_once OR n_pairs_1 = 0 THEN 0 ELSE n_budget END::BIGINT AS n_budget
FROM first_pairs