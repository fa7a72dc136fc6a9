MODEL (
  name tacos_internal.comparisons_@judging_round,
  kind FULL,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per sample, cluster and partner it was compared with up to the round; both orders of a pair are one comparison.',
  column_descriptions (
    cluster_id = 'The cluster.',
    sample_id = 'The sample.',
    partner_id = 'The other sample of the pair.',
    judging_round = 'The round in which the two were compared.',
    model_name = 'The judge that compared them.',
    own_value = 'Value of the sample''s score: 10 logits of its mid-rank among all scores of the judge, freed from the judge''s position bias.',
    partner_value = 'The same of the partner''s score.',
    own_score_sum = 'Sum of the scores (1-100) of the sample in the judgments of the pair.',
    n_judgments = 'Usable judgments of the pair: 2 if it was judged in both orders.'
  ),
  grain (cluster_id, sample_id, partner_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, sample_id, partner_id)),
    NOT_NULL(columns := (own_value, partner_value, n_judgments)),
    COMPARISONS_COUNT_EVERY_JUDGMENT_TWICE,
    COMPARISONS_COME_FROM_THE_REPLIES_SO_FAR
  ),
  tags (
    judging
  )
);

WITH valued AS (
  SELECT
    cluster_id,
    judging_round,
    model_name,
    first_sample_id,
    second_sample_id,
    first_score,
    second_score,
    first_value,
    second_value
  FROM tacos_internal.valued_judgments_@judging_round
  WHERE
    @ONCE()
), position_bias AS (
  SELECT
    model_name,
    @MILLIONTHS(@MEAN(first_value - second_value) / 2) AS half_advantage
  FROM valued
  GROUP BY
    model_name
), sides /* What being read first is worth is taken from the first, and given to the second. */ AS (
  SELECT
    valued.cluster_id,
    valued.judging_round,
    valued.model_name,
    valued.first_sample_id AS sample_id,
    valued.second_sample_id AS partner_id,
    valued.first_score AS own_score,
    valued.first_value - position_bias.half_advantage AS own_value,
    valued.second_value + position_bias.half_advantage AS partner_value
  FROM valued
  INNER JOIN position_bias
    ON position_bias.model_name = valued.model_name
  UNION ALL
  SELECT
    valued.cluster_id,
    valued.judging_round,
    valued.model_name,
    valued.second_sample_id AS sample_id,
    valued.first_sample_id AS partner_id,
    valued.second_score AS own_score,
    valued.second_value + position_bias.half_advantage AS own_value,
    valued.first_value - position_bias.half_advantage AS partner_value
  FROM valued
  INNER JOIN position_bias
    ON position_bias.model_name = valued.model_name
)
SELECT
  cluster_id::INT AS cluster_id,
  sample_id::TEXT AS sample_id,
  partner_id::TEXT AS partner_id,
  judging_round::INT AS judging_round,
  model_name::TEXT AS model_name,
  @MILLIONTHS(@MEAN(own_value)) AS own_value,
  @MILLIONTHS(@MEAN(partner_value)) AS partner_value,
  SUM(own_score)::BIGINT AS own_score_sum,
  COUNT(*)::BIGINT AS n_judgments
FROM sides
GROUP BY
  cluster_id,
  sample_id,
  partner_id,
  judging_round,
  model_name