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
    judge_score = 'Mean of the scores (1-100) that the judge gave it.',
    level_judge_score = 'Mean judge_score of the compared samples of the cluster.',
    evidence = 'Its margins, and how far the means of its pairs lie above the level of the cluster, each at its weight.',
    precision = 'The weight of its own value against evidence and partners, the prior included.'
  ),
  grain (sample_id, cluster_id),
  tags (
    judging
  )
);

WITH sums AS (
  SELECT
    sample_id,
    cluster_id,
    COUNT(*) AS n_comparisons,
    SUM(own_value - partner_value)::DOUBLE AS margin_sum,
    SUM(own_value + partner_value)::DOUBLE / 2 AS mean_sum,
    AVG(own_value)::DECIMAL(18, 6) AS mean_value,
    SUM(n_judgments) AS n_judgments,
    SUM(own_score_sum) / SUM(n_judgments)::DOUBLE AS judge_score
  FROM tacos_internal.comparisons_@judging_round
  GROUP BY
    sample_id,
    cluster_id
), levels AS (
  SELECT
    cluster_id,
    AVG(mean_value)::DOUBLE AS level,
    AVG(judge_score::DECIMAL(18, 6))::DOUBLE AS judge_score
  FROM sums
  GROUP BY
    cluster_id
)
SELECT
  sums.sample_id::TEXT AS sample_id,
  sums.cluster_id::INT AS cluster_id,
  sums.n_comparisons::BIGINT AS n_comparisons,
  sums.n_judgments::BIGINT AS n_judgments,
  sums.judge_score::DOUBLE AS judge_score,
  levels.judge_score::DOUBLE AS level_judge_score,
  (
    @ESTIMATOR('contrast') * sums.margin_sum + @ESTIMATOR('mean_weight') / 2 * (
      sums.mean_sum - sums.n_comparisons * levels.level
    )
  )::DOUBLE AS evidence,
  (
    sums.n_comparisons * (
      @ESTIMATOR('contrast') * @ESTIMATOR('contrast') + @ESTIMATOR('mean_weight') / 4
    ) + @ESTIMATOR('prior_precision')
  )::DOUBLE AS precision
FROM sums
INNER JOIN levels
  ON levels.cluster_id = sums.cluster_id