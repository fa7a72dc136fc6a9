MODEL (
  name tacos_internal.score_evidence_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per compared sample and cluster: what its comparisons up to the round say of it, before its partners are looked at; computed inside its readers.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster.',
    n_comparisons = 'Partners it was compared with.',
    n_judgments = 'Usable judgments it took part in, both orders of a pair counted.',
    judge_score = 'Mean of the scores (1-100) that it was given.',
    level_judge_score = 'Mean judge_score of the compared samples of the cluster.',
    evidence = 'Its margins, and how far the means of its pairs lie above the judge''s level in the cluster, each at its weight.',
    precision = 'The weight of its own value against evidence and partners, the prior included.'
  ),
  grain (sample_id, cluster_id),
  tags (
    judging
  )
);

WITH by_judge AS (
  SELECT
    sample_id,
    cluster_id,
    model_name,
    COUNT(*) AS n_comparisons,
    SUM(own_value - partner_value)::DOUBLE AS margin_sum,
    SUM(own_value + partner_value)::DOUBLE / 2 AS mean_sum,
    @MILLIONTHS(@MEAN(own_value)) AS mean_value,
    SUM(n_judgments) AS n_judgments,
    SUM(own_score_sum) AS score_sum
  FROM tacos_internal.comparisons_@judging_round
  GROUP BY
    sample_id,
    cluster_id,
    model_name
), openings AS (
  SELECT
    model_name,
    MIN(judging_round) AS opening_round
  FROM tacos_internal.comparisons_@judging_round
  GROUP BY
    model_name
), levels /* A judge who comes in later sees the best so far: they keep the mean score that they came with. */ AS (
  SELECT
    by_judge.cluster_id,
    by_judge.model_name,
    @MEAN(
      by_judge.mean_value - CASE WHEN openings.opening_round > 1 THEN @MILLIONTHS(known.score) ELSE 0 END
    ) AS level
  FROM by_judge
  INNER JOIN openings
    ON openings.model_name = by_judge.model_name
  INNER JOIN @OPENING_SCORES(@judging_round) AS known
    ON known.cluster_id = by_judge.cluster_id AND known.sample_id = by_judge.sample_id
  GROUP BY
    by_judge.cluster_id,
    by_judge.model_name
), sums AS (
  SELECT
    by_judge.sample_id,
    by_judge.cluster_id,
    SUM(by_judge.n_comparisons) AS n_comparisons,
    SUM(by_judge.n_judgments) AS n_judgments,
    SUM(by_judge.score_sum) / SUM(by_judge.n_judgments)::DOUBLE AS judge_score,
    SUM(by_judge.margin_sum) AS margin_sum,
    SUM(by_judge.mean_sum - by_judge.n_comparisons * levels.level) AS mean_sum
  FROM by_judge
  INNER JOIN levels
    ON levels.cluster_id = by_judge.cluster_id
    AND levels.model_name = by_judge.model_name
  GROUP BY
    by_judge.sample_id,
    by_judge.cluster_id
)
SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  n_comparisons::BIGINT AS n_comparisons,
  n_judgments::BIGINT AS n_judgments,
  judge_score::DOUBLE AS judge_score,
  (
    SUM(@MILLIONTHS(judge_score)) OVER (PARTITION BY cluster_id)::DOUBLE / COUNT(judge_score) OVER (PARTITION BY cluster_id)
  )::DOUBLE AS level_judge_score,
  (
    @ESTIMATOR('contrast') * margin_sum + @ESTIMATOR('mean_weight') / 2 * mean_sum
  )::DOUBLE AS evidence,
  (
    n_comparisons * (
      @ESTIMATOR('contrast') * @ESTIMATOR('contrast') + @ESTIMATOR('mean_weight') / 4
    ) + @ESTIMATOR('prior_precision')
  )::DOUBLE AS precision
FROM sums