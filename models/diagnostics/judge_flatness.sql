MODEL (
  name tacos_internal.judge_flatness,
  kind EMBEDDED,
  description 'One row per judge with a cluster of at least 10 scores: how many of its clusters have flat scores.',
  column_descriptions (
    model_name = 'The judge.',
    n_clusters = 'Clusters in which it gave at least 10 scores.',
    n_flat = 'Those in which the scores have a standard deviation below flat_score_spread.'
  ),
  grain model_name,
  tags (
    diagnostics
  )
);

WITH spreads AS (
  SELECT
    model_name,
    cluster_id,
    COUNT(*) AS n_scores,
    @INTEGER_SPREAD(score) AS spread
  FROM tacos_internal.given_scores
  GROUP BY
    model_name,
    cluster_id
)
SELECT
  model_name::TEXT AS model_name,
  COUNT(*)::BIGINT AS n_clusters,
  COUNT_IF(spread < @DIAGNOSTIC_LIMIT(flat_score_spread, @flat_score_spread))::BIGINT AS n_flat
FROM spreads
WHERE
  n_scores >= 10
GROUP BY
  model_name