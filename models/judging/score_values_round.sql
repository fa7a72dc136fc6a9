MODEL (
  name tacos_internal.score_values_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per judge and score that it gave up to the round: what the score is worth; computed inside its readers.',
  column_descriptions (
    model_name = 'The judge.',
    score = 'The score, 1-100.',
    value = '10 logits of its mid-rank among all scores that the judge gave up to the round: judges scale differently.'
  ),
  grain (model_name, score),
  tags (
    judging
  )
);

WITH usable AS (
  SELECT
    model_name,
    scores.first_score AS first_score,
    scores.second_score AS second_score
  FROM @REPLIES_OF_ROUNDS(@judging_round) AS replies
  WHERE
    error IS NULL AND @ONCE()
), given AS (
  SELECT
    model_name,
    first_score AS score
  FROM usable
  UNION ALL
  SELECT
    model_name,
    second_score AS score
  FROM usable
), counted AS (
  SELECT
    model_name,
    score,
    COUNT(*) AS n_given
  FROM given
  GROUP BY
    model_name,
    score
), mid_ranks AS (
  SELECT
    model_name,
    score,
    (
      SUM(n_given) OVER (PARTITION BY model_name ORDER BY score) - n_given / 2.0
    )::DOUBLE / (
      SUM(n_given) OVER (PARTITION BY model_name)
    )::DOUBLE AS mid_rank
  FROM counted
)
SELECT
  model_name::TEXT AS model_name,
  score::INT AS score,
  @MILLIONTHS(10 * LN(mid_rank / (
    1 - mid_rank
  ))) AS value
FROM mid_ranks