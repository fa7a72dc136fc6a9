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
    score = 'Estimated value, higher is better, 0 an average sample of the cluster; in the paper''s profile the distance of judge_score from the cluster''s mean.',
    standard_error = 'Standard error of the score in its unit; NULL where it cannot be told.',
    n_comparisons = 'Partners it was compared with; without any, the score is that of an average sample of the cluster.',
    n_judgments = 'Usable judgments it took part in, both orders of a pair counted.',
    judge_score = 'Mean of the scores (1-100) that the judge gave it; NULL without a judgment.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (score, n_comparisons, n_judgments)),
    CANDIDATES_AND_ONLY_THEY_ARE_SCORED,
    SCORES_COUNT_THE_COMPARISONS_OF_THE_ROUND
  ),
  tags (
    judging
  )
);

WITH nodes AS (
  SELECT
    sample_id,
    cluster_id,
    node_no
  FROM tacos_internal.scores_0
), edges AS (
  SELECT
    nodes.node_no,
    partners.node_no AS partner_no
  FROM tacos_internal.comparisons_@judging_round AS comparisons
  INNER JOIN nodes
    ON nodes.cluster_id = comparisons.cluster_id
    AND nodes.sample_id = comparisons.sample_id
  INNER JOIN nodes AS partners
    ON partners.cluster_id = comparisons.cluster_id
    AND partners.sample_id = comparisons.partner_id
  WHERE
    @ONCE()
), systems AS (
  SELECT
    nodes.node_no,
    evidence.n_comparisons,
    evidence.n_judgments,
    evidence.judge_score,
    evidence.level_judge_score,
    evidence.evidence,
    evidence.precision
  FROM tacos_internal.score_evidence_@judging_round AS evidence
  INNER JOIN nodes
    ON nodes.cluster_id = evidence.cluster_id AND nodes.sample_id = evidence.sample_id
  WHERE
    @ONCE()
), sweep_0 AS (
  SELECT
    node_no,
    @MILLIONTHS(evidence / precision) AS value
  FROM systems
), sweep_1 AS (
  @SCORE_SWEEP(sweep_0)
), sweep_2 AS (
  @SCORE_SWEEP(sweep_1)
), sweep_3 AS (
  @SCORE_SWEEP(sweep_2)
), sweep_4 AS (
  @SCORE_SWEEP(sweep_3)
), sweep_5 AS (
  @SCORE_SWEEP(sweep_4)
)
SELECT
  nodes.sample_id::TEXT AS sample_id,
  nodes.cluster_id::INT AS cluster_id,
  CASE
    WHEN @JUDGING_OPTION('judging_profile', @judging_profile) = 'paper'
    THEN COALESCE(systems.judge_score - systems.level_judge_score, 0)
    ELSE COALESCE(sweep_5.value, 0)
  END::DOUBLE AS score,
  CASE
    WHEN @JUDGING_OPTION('judging_profile', @judging_profile) <> 'paper'
    THEN SQRT(
      @ESTIMATOR('noise_variance') / COALESCE(systems.precision, @ESTIMATOR('prior_precision'))
    )
  END::DOUBLE AS standard_error,
  COALESCE(systems.n_comparisons, 0)::BIGINT AS n_comparisons,
  COALESCE(systems.n_judgments, 0)::BIGINT AS n_judgments,
  systems.judge_score::DOUBLE AS judge_score
FROM nodes
LEFT JOIN systems
  ON systems.node_no = nodes.node_no
LEFT JOIN sweep_5
  ON sweep_5.node_no = nodes.node_no