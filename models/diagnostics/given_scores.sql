MODEL (
  name tacos_internal.given_scores,
  kind VIEW,
  description 'One row per score that a judge gave, two per judgment, with the length of the response.',
  column_descriptions (
    pair_id = 'The judged pair.',
    model_name = 'The judge.',
    cluster_id = 'The cluster in which the two compete.',
    sample_id = 'The sample.',
    score = 'Its score, 1 to 100.',
    log_length = 'A thousand times the natural logarithm of the characters of its response and one, as a whole number, whose sums are exact.'
  ),
  grain (pair_id, sample_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (pair_id, sample_id)),
    NOT_NULL(columns := (model_name, score, log_length))
  ),
  tags (
    diagnostics
  )
);

WITH sides AS (
  SELECT
    pair_id,
    model_name,
    cluster_id,
    first_sample_id AS sample_id,
    first_score AS score
  FROM tacos.pair_scores
  WHERE
    error IS NULL
  UNION ALL
  SELECT
    pair_id,
    model_name,
    cluster_id,
    second_sample_id AS sample_id,
    second_score AS score
  FROM tacos.pair_scores
  WHERE
    error IS NULL
)
SELECT
  sides.pair_id::TEXT AS pair_id,
  sides.model_name::TEXT AS model_name,
  sides.cluster_id::INT AS cluster_id,
  sides.sample_id::TEXT AS sample_id,
  sides.score::INT AS score,
  ROUND(1000 * LN(1 + LENGTH(samples.response)))::BIGINT AS log_length
FROM sides
INNER JOIN tacos.samples AS samples
  ON samples.sample_id = sides.sample_id