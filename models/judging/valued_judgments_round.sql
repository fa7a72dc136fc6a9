MODEL (
  name tacos_internal.valued_judgments_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per usable judgment up to the round: its two scores, and what they are worth; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    judging_round = 'The round in which it was judged.',
    model_name = 'The judge.',
    first_sample_id = 'The sample that the judge read first.',
    second_sample_id = 'The sample that the judge read second.',
    first_score = 'Its score of the first sample, 1-100.',
    second_score = 'Its score of the second sample, 1-100.',
    first_value = 'Value of the first score.',
    second_value = 'Value of the second score.'
  ),
  grain (cluster_id, first_sample_id, second_sample_id),
  tags (
    judging
  )
);

WITH judged AS (
  SELECT
    pairs.cluster_id,
    pairs.judging_round,
    pairs.first_sample_id,
    pairs.second_sample_id,
    replies.model_name,
    replies.scores
  FROM @PAIRS_OF_ROUNDS(@judging_round) AS pairs
  INNER JOIN @REPLIES_OF_ROUNDS(@judging_round) AS replies
    ON replies.pair_id = pairs.pair_id
  WHERE
    replies.error IS NULL
), calls AS (
  SELECT
    cluster_id,
    judging_round,
    model_name,
    first_sample_id,
    second_sample_id,
    scores.first_score AS first_score,
    scores.second_score AS second_score
  FROM judged
), score_values AS (
  SELECT
    model_name,
    score,
    value
  FROM tacos_internal.score_values_@judging_round
  WHERE
    @ONCE()
)
SELECT
  calls.cluster_id::INT AS cluster_id,
  calls.judging_round::INT AS judging_round,
  calls.model_name::TEXT AS model_name,
  calls.first_sample_id::TEXT AS first_sample_id,
  calls.second_sample_id::TEXT AS second_sample_id,
  calls.first_score::INT AS first_score,
  calls.second_score::INT AS second_score,
  first_values.value::DECIMAL(18, 6) AS first_value,
  second_values.value::DECIMAL(18, 6) AS second_value
FROM calls
INNER JOIN score_values AS first_values
  ON first_values.model_name = calls.model_name
  AND first_values.score = calls.first_score
INNER JOIN score_values AS second_values
  ON second_values.model_name = calls.model_name
  AND second_values.score = calls.second_score