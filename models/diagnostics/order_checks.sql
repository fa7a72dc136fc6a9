MODEL (
  name tacos_internal.order_checks,
  kind FULL,
  description 'One row per pair that one judge saw in both orders: by how much it favoured the same sample in either.',
  column_descriptions (
    model_name = 'The judge.',
    cluster_id = 'The cluster in which the two compete.',
    sample_id = 'The sample of the two with the lower id.',
    partner_id = 'The other one.',
    margin_first = 'Score of the sample minus that of its partner, where the judge read it first, -99 to 99.',
    margin_second = 'The same, where the judge read it second.',
    is_tie = 'Whether one of the margins is 0.',
    is_flip = 'Whether the winner changed with the order.'
  ),
  grain (model_name, cluster_id, sample_id, partner_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (model_name, cluster_id, sample_id, partner_id)),
    NOT_NULL(columns := (margin_first, margin_second))
  ),
  tags (
    diagnostics
  )
);

WITH margins AS (
  SELECT
    one.model_name,
    one.cluster_id,
    one.first_sample_id AS sample_id,
    one.second_sample_id AS partner_id,
    one.first_score - one.second_score AS margin_first,
    other.second_score - other.first_score AS margin_second
  FROM tacos.pair_scores AS one
  INNER JOIN tacos.pair_scores AS other
    ON other.model_name = one.model_name
    AND other.cluster_id = one.cluster_id
    AND other.first_sample_id = one.second_sample_id
    AND other.second_sample_id = one.first_sample_id
  WHERE
    one.first_sample_id < one.second_sample_id
    AND one.error IS NULL
    AND other.error IS NULL
)
SELECT
  model_name::TEXT AS model_name,
  cluster_id::INT AS cluster_id,
  sample_id::TEXT AS sample_id,
  partner_id::TEXT AS partner_id,
  margin_first::INT AS margin_first,
  margin_second::INT AS margin_second,
  (
    margin_first = 0 OR margin_second = 0
  )::BOOLEAN AS is_tie,
  (
    margin_first * margin_second < 0
  )::BOOLEAN AS is_flip
FROM margins