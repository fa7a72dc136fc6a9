MODEL (
  name tacos_internal.judgment_sides,
  kind EMBEDDED,
  description 'One row per judged pair and side: what the judge gave the sample, and whom it was held against.',
  column_descriptions (
    pair_id = 'The judged pair.',
    sample_id = 'The sample.',
    opponent_id = 'The other sample of the pair.',
    cluster_id = 'The cluster in which the two compete.',
    judging_round = 'The round, from 1.',
    place = 'first or second: which of the two the judge read first.',
    own_score = 'Its score, 1 to 100; NULL if the judgment failed.',
    opponent_score = 'Score of the other sample; NULL if the judgment failed.',
    outcome = 'won, lost, tied or failed.',
    error = 'Why there are no scores; NULL if there are.',
    model_name = 'The judge.'
  ),
  grain (pair_id, sample_id),
  tags (
    selection
  )
);

WITH sides AS (
  SELECT
    pair_id,
    first_sample_id AS sample_id,
    second_sample_id AS opponent_id,
    cluster_id,
    judging_round,
    'first' AS place,
    first_score AS own_score,
    second_score AS opponent_score,
    error,
    model_name
  FROM tacos.pair_scores
  UNION ALL
  SELECT
    pair_id,
    second_sample_id AS sample_id,
    first_sample_id AS opponent_id,
    cluster_id,
    judging_round,
    'second' AS place,
    second_score AS own_score,
    first_score AS opponent_score,
    error,
    model_name
  FROM tacos.pair_scores
)
SELECT
  pair_id::TEXT AS pair_id,
  sample_id::TEXT AS sample_id,
  opponent_id::TEXT AS opponent_id,
  cluster_id::INT AS cluster_id,
  judging_round::INT AS judging_round,
  place::TEXT AS place,
  own_score::INT AS own_score,
  opponent_score::INT AS opponent_score,
  CASE
    WHEN NOT error IS NULL
    THEN 'failed'
    WHEN own_score > opponent_score
    THEN 'won'
    WHEN own_score < opponent_score
    THEN 'lost'
    ELSE 'tied'
  END::TEXT AS outcome,
  error::TEXT AS error,
  model_name::TEXT AS model_name
FROM sides