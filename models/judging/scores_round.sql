MODEL (
  name tacos_internal.scores_@judging_round,
  kind FULL,
  depends_on (
    tacos_internal.memberships
  ),
  blueprints @JUDGING_ROUNDS(),
  description 'One row per candidate and cluster: its value estimated from all comparisons up to the round.',
  column_descriptions (
    sample_id = 'The candidate.',
    cluster_id = 'Its cluster; values are comparable inside a cluster only.',
    score = 'Estimated value, higher is better, 0 an average sample of the cluster; in the paper''s profile the distance of judge_score from the cluster''s mean.''s profile the mean own score (1-100).',
    standard_error = 'Standard error of the score in its unit; NULL where it cannot be told.',
    n_comparisons = 'Partners it was compared with; without any, the score is that of an average sample of the cluster.',
    n_judgments = 'Usable judgments it took part in, both orders of a pair counted.',
    judge_score = 'Mean of the scores (1-100) that the judge gave it; NULL without a judgment.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (score, n_comparisons, n_judgments)),
    EVERY_CANDIDATE_IS_SCORED_ONCE
  ),
  tags (
    judging
  )
);

/* What a margin and the mean of both values are worth, the prior, and the noise of a comparison. */
@DEF(contrast, 1.25);

@DEF(mean_weight, 2.5);

@DEF(prior_precision, 0.8);

@DEF(noise_variance, 130.0);

/* What a partner's value counts. */
@DEF(partner_weight, (
  @contrast * @contrast - @mean_weight / 4
));

WITH nodes AS (
  SELECT
    sample_id,
    cluster_id,
    ROW_NUMBER() OVER (ORDER BY cluster_id, sample_id) AS node_no
  FROM tacos_internal.scores_0
), edges AS (
  SELECT
    nodes.node_no,
    partners.node_no AS partner_no,
    comparisons.cluster_id,
    comparisons.own_value,
    comparisons.partner_value,
    comparisons.own_score_sum,
    comparisons.n_judgments
  FROM tacos_internal.comparisons_@judging_round AS comparisons
  INNER JOIN nodes
    ON nodes.cluster_id = comparisons.cluster_id
    AND nodes.sample_id = comparisons.sample_id
  INNER JOIN nodes AS partners
    ON partners.cluster_id = comparisons.cluster_id
    AND partners.sample_id = comparisons.partner_id
), sums AS (
  SELECT
    node_no,
    cluster_id,
    COUNT(*) AS n_comparisons,
    SUM(own_value - partner_value)::DOUBLE AS margin_sum,
    SUM(own_value + partner_value)::DOUBLE / 2 AS mean_sum,
    AVG(own_value)::DECIMAL(18, 6) AS mean_value,
    SUM(n_judgments) AS n_judgments,
    SUM(own_score_sum) / SUM(n_judgments)::DOUBLE AS judge_score
  FROM edges
  GROUP BY
    node_no,
    cluster_id
), levels AS (
  SELECT
    cluster_id,
    AVG(mean_value)::DOUBLE AS level,
    AVG(judge_score::DECIMAL(18, 6))::DOUBLE AS judge_score
  FROM sums
  GROUP BY
    cluster_id
), systems AS (
  SELECT
    sums.node_no,
    @contrast * sums.margin_sum + @mean_weight / 2 * (
      sums.mean_sum - sums.n_comparisons * levels.level
    ) AS evidence,
    sums.n_comparisons * (
      @contrast * @contrast + @mean_weight / 4
    ) + @prior_precision AS precision
  FROM sums
  INNER JOIN levels
    ON levels.cluster_id = sums.cluster_id
), sweep_0 AS (
  SELECT
    node_no,
    (
      evidence / precision
    )::DECIMAL(18, 6) AS value
  FROM systems
), sweep_1 AS (
  @SCORE_SWEEP(sweep_0, @partner_weight)
), sweep_2 AS (
  @SCORE_SWEEP(sweep_1, @partner_weight)
), sweep_3 AS (
  @SCORE_SWEEP(sweep_2, @partner_weight)
), sweep_4 AS (
  @SCORE_SWEEP(sweep_3, @partner_weight)
), sweep_5 AS (
  @SCORE_SWEEP(sweep_4, @partner_weight)
)
SELECT
  nodes.sample_id::TEXT AS sample_id,
  nodes.cluster_id::INT AS cluster_id,
  CASE
    WHEN @JUDGING_OPTION('judging_profile', @judging_profile) = 'paper'
    THEN COALESCE(sums.judge_score - levels.judge_score, 0)
    ELSE COALESCE(sweep_5.value, 0)
  END::DOUBLE AS score,
  CASE
    WHEN @JUDGING_OPTION('judging_profile', @judging_profile) <> 'paper'
    THEN SQRT(@noise_variance / COALESCE(systems.precision, @prior_precision))
  END::DOUBLE AS standard_error,
  COALESCE(sums.n_comparisons, 0)::BIGINT AS n_comparisons,
  COALESCE(sums.n_judgments, 0)::BIGINT AS n_judgments,
  sums.judge_score::DOUBLE AS judge_score
FROM nodes
LEFT JOIN sums
  ON sums.node_no = nodes.node_no
LEFT JOIN systems
  ON systems.node_no = nodes.node_no
LEFT JOIN sweep_5
  ON sweep_5.node_no = nodes.node_no
LEFT JOIN levels
  ON levels.cluster_id = nodes.cluster_id