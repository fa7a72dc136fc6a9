MODEL (
  name tacos_internal.cluster_cutoffs,
  kind EMBEDDED,
  description 'One row per cluster with scores: the last one kept and the next in line.',
  column_descriptions (
    cluster_id = 'The cluster.',
    last_kept_id = 'The sample of the worst rank that is kept there; NULL if none is.',
    last_kept_score = 'Its cluster_score.',
    last_kept_error = 'Standard error of it.',
    next_id = 'The sample of the best rank that is kept nowhere; NULL if all are kept.',
    next_score = 'Its cluster_score.',
    next_error = 'Standard error of it.'
  ),
  grain cluster_id,
  tags (
    selection
  )
);

WITH standing AS (
  SELECT
    scores.cluster_id,
    scores.sample_id,
    scores.cluster_rank,
    scores.cluster_score,
    scores.cluster_score_error,
    selected.cluster_id AS kept_in
  FROM tacos.sample_scores AS scores
  LEFT JOIN tacos.selected AS selected
    ON selected.sample_id = scores.sample_id
), last_kept AS (
  SELECT
    cluster_id,
    sample_id,
    cluster_score,
    cluster_score_error
  FROM standing
  WHERE
    kept_in = cluster_id
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY cluster_rank DESC) = 1
), next_in_line AS (
  SELECT
    cluster_id,
    sample_id,
    cluster_score,
    cluster_score_error
  FROM standing
  WHERE
    kept_in IS NULL
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY cluster_rank) = 1
)
SELECT
  COALESCE(last_kept.cluster_id, next_in_line.cluster_id)::INT AS cluster_id,
  last_kept.sample_id::TEXT AS last_kept_id,
  last_kept.cluster_score::DOUBLE AS last_kept_score,
  last_kept.cluster_score_error::DOUBLE AS last_kept_error,
  next_in_line.sample_id::TEXT AS next_id,
  next_in_line.cluster_score::DOUBLE AS next_score,
  next_in_line.cluster_score_error::DOUBLE AS next_error
FROM last_kept
FULL JOIN next_in_line
  ON next_in_line.cluster_id = last_kept.cluster_id