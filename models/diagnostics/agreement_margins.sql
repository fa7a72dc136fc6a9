MODEL (
  name tacos_internal.agreement_margins,
  kind EMBEDDED,
  description 'One row per pair that was judged twice: by one judge in both orders, by one judge in both wordings, by two judges, or by two judges in two orders.',
  column_descriptions (
    comparison = 'What differs between the two judgments: order, wording, judge or judge_and_order.',
    model_name = 'The judge.',
    other_model_name = 'The other judge, of the later rounds; the same where comparison is order or wording.',
    margin = 'Points by which the first judgment favours the sample of the lower id, -99 to 99.',
    other_margin = 'Points by which the second judgment favours the same sample.'
  ),
  grain (comparison, model_name, other_model_name),
  tags (
    diagnostics
  )
);

WITH margins AS (
  SELECT
    pair_id,
    model_name,
    judging_round,
    cluster_id,
    LEAST(first_sample_id, second_sample_id) AS sample_id,
    GREATEST(first_sample_id, second_sample_id) AS partner_id,
    CASE
      WHEN first_sample_id < second_sample_id
      THEN first_score - second_score
      ELSE second_score - first_score
    END AS margin,
    CASE WHEN first_sample_id < second_sample_id THEN 1 ELSE -1 END AS direction
  FROM tacos.pair_scores
  WHERE
    error IS NULL
)
SELECT
  'order'::TEXT AS comparison,
  model_name::TEXT AS model_name,
  model_name::TEXT AS other_model_name,
  margin_first::INT AS margin,
  margin_second::INT AS other_margin
FROM tacos_internal.order_checks
UNION ALL
SELECT
  'wording'::TEXT AS comparison,
  margins.model_name::TEXT AS model_name,
  margins.model_name::TEXT AS other_model_name,
  margins.margin::INT AS margin,
  (
    margins.direction * (
      replies.scores.first_score - replies.scores.second_score
    )
  )::INT AS other_margin
FROM margins
INNER JOIN tacos_internal.wording_replies AS replies
  ON replies.pair_id = margins.pair_id
WHERE
  replies.error IS NULL
UNION ALL
SELECT
  'judge'::TEXT AS comparison,
  margins.model_name::TEXT AS model_name,
  replies.model_name::TEXT AS other_model_name,
  margins.margin::INT AS margin,
  (
    margins.direction * (
      replies.scores.first_score - replies.scores.second_score
    )
  )::INT AS other_margin
FROM margins
INNER JOIN tacos_internal.second_judge_replies AS replies
  ON replies.pair_id = margins.pair_id
WHERE
  replies.error IS NULL
UNION ALL
/* No ordered pair is judged twice: what a later round repeats is turned around. */
SELECT
  'judge_and_order'::TEXT AS comparison,
  margins.model_name::TEXT AS model_name,
  others.model_name::TEXT AS other_model_name,
  margins.margin::INT AS margin,
  others.margin::INT AS other_margin
FROM margins
INNER JOIN margins AS others
  ON others.cluster_id = margins.cluster_id
  AND others.sample_id = margins.sample_id
  AND others.partner_id = margins.partner_id
  AND others.judging_round > margins.judging_round
WHERE
  others.model_name <> margins.model_name