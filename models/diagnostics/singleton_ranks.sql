MODEL (
  name tacos_internal.singleton_ranks,
  kind EMBEDDED,
  description 'One row per cluster and sample that was both compared with others and judged alone: how it ranks in the cluster by either.',
  column_descriptions (
    cluster_id = 'The cluster.',
    sample_id = 'The sample.',
    pair_rank = 'Its rank by cluster_score, twice its distance from the middle rank, a whole number; ties share the mean of their ranks.',
    alone_rank = 'The same by the score that it got alone.',
    cluster_score_millis = 'Its cluster_score in thousandths.',
    squared_error_micros = 'Squared standard error of it in millionths; NULL where it cannot be told.',
    judge_score_millis = 'Mean of the scores that it got in comparisons, in thousandths of a point.',
    alone_score = 'Score that it got alone, 1 to 100.',
    is_tied = 'Whether another sample of the cluster got the same score alone.',
    is_tied_at_cut = 'Whether only some of those with its score alone fit into the places of the cluster.'
  ),
  grain (cluster_id, sample_id),
  tags (
    diagnostics
  )
);

WITH judged AS (
  SELECT
    scores.cluster_id,
    scores.sample_id,
    scores.cluster_score,
    scores.cluster_score_error,
    scores.judge_score,
    alone.score AS alone_score,
    quotas.n_planned
  FROM tacos.sample_scores AS scores
  INNER JOIN tacos_internal.singleton_scores AS alone
    ON alone.sample_id = scores.sample_id
  INNER JOIN tacos_internal.cluster_quotas AS quotas
    ON quotas.cluster_id = scores.cluster_id
  WHERE
    NOT alone.score IS NULL AND NOT scores.cluster_score IS NULL
), ranked AS (
  SELECT
    *,
    COUNT(*) OVER (PARTITION BY cluster_id) AS n_samples,
    RANK() OVER (PARTITION BY cluster_id ORDER BY cluster_score DESC) AS pair_place,
    COUNT(*) OVER (PARTITION BY cluster_id, cluster_score) AS n_same_pair,
    RANK() OVER (PARTITION BY cluster_id ORDER BY alone_score DESC) AS alone_place,
    COUNT(*) OVER (PARTITION BY cluster_id, alone_score) AS n_same_alone
  FROM judged
)
SELECT
  cluster_id::INT AS cluster_id,
  sample_id::TEXT AS sample_id,
  (
    2 * pair_place + n_same_pair - 2 - n_samples
  )::BIGINT AS pair_rank,
  (
    2 * alone_place + n_same_alone - 2 - n_samples
  )::BIGINT AS alone_rank,
  ROUND(1000 * cluster_score)::BIGINT AS cluster_score_millis,
  ROUND(1000000 * cluster_score_error * cluster_score_error)::BIGINT AS squared_error_micros,
  ROUND(1000 * judge_score)::BIGINT AS judge_score_millis,
  alone_score::INT AS alone_score,
  (
    n_same_alone > 1
  )::BOOLEAN AS is_tied,
  (
    alone_place <= n_planned AND alone_place + n_same_alone - 1 > n_planned
  )::BOOLEAN AS is_tied_at_cut
FROM ranked