MODEL (
  name tacos_internal.score_values_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per score that the judge gave up to the round: what it is worth; computed inside its readers.',
  column_descriptions (
    score = 'The score, 1-100.',
    value = '10 logits of its mid-rank among all scores given up to the round.'
  ),
  grain score,
  tags (
    judging
  )
);

WITH usable AS (
  SELECT
    scores.first_score AS first_score,
    scores.second_score AS second_score
  FROM @REPLIES_OF_ROUNDS(@judging_round) AS replies
  WHERE
    error IS NULL
), given AS (
  SELECT
    first_score AS score
  FROM usable
  UNION ALL
  SELECT
    second_score AS score
  FROM usable
), counted AS (
  SELECT
    score,
    COUNT(*) AS n_given
  FROM given
  GROUP BY
    score
), mid_ranks AS (
  SELECT
    score,
    (
      SUM(n_given) OVER (ORDER BY score) - n_given / 2.0
    )::DOUBLE / (
      SUM(n_given) OVER ()
    )::DOUBLE AS mid_rank
  FROM counted
)
SELECT
  score::INT AS score,
  (
    10 * LN(mid_rank / (
      1 - mid_rank
    ))
  )::DECIMAL(18, 6) AS value
FROM mid_ranks