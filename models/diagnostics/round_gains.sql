MODEL (
  name tacos_internal.round_gains,
  kind EMBEDDED,
  description 'One row per judging round: what would have been kept if judging had ended with it, valued by the scores after the last round.',
  column_descriptions (
    judging_round = 'The round, from 1.',
    n_kept = 'Samples that would have been kept, as many of every cluster as are planned.',
    n_shared = 'How many of them are kept after the last round too.',
    n_expected = 'How many of them a random choice would share with it, on average.',
    gain = 'Sum of their last scores above the mean of their cluster; a random choice gains 0 on average.'
  ),
  grain judging_round,
  tags (
    diagnostics
  )
);

WITH ranked AS (
  SELECT
    scores.judging_round,
    quotas.n_planned,
    quotas.n_candidates,
    @MILLIONTHS(last_scores.score) AS last_score,
    SUM(@MILLIONTHS(last_scores.score)) OVER (PARTITION BY scores.judging_round, scores.cluster_id)::DOUBLE / quotas.n_candidates AS cluster_mean,
    ROW_NUMBER() OVER (
      PARTITION BY scores.judging_round, scores.cluster_id
      ORDER BY scores.score DESC, scores.sample_id
    ) AS place,
    ROW_NUMBER() OVER (
      PARTITION BY scores.judging_round, scores.cluster_id
      ORDER BY last_scores.score DESC, scores.sample_id
    ) AS last_place
  FROM @SCORES_OF_ROUNDS(@LAST_JUDGING_ROUND()) AS scores
  INNER JOIN @LAST_SCORES() AS last_scores
    ON last_scores.cluster_id = scores.cluster_id
    AND last_scores.sample_id = scores.sample_id
  INNER JOIN tacos_internal.cluster_quotas AS quotas
    ON quotas.cluster_id = scores.cluster_id
)
SELECT
  judging_round::INT AS judging_round,
  COUNT(*)::BIGINT AS n_kept,
  COUNT_IF(last_place <= n_planned)::BIGINT AS n_shared,
  SUM(@MILLIONTHS(n_planned / n_candidates::DOUBLE))::DOUBLE AS n_expected,
  SUM(last_score - @MILLIONTHS(cluster_mean))::DOUBLE AS gain
FROM ranked
WHERE
  place <= n_planned
GROUP BY
  judging_round