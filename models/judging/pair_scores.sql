MODEL (
  name tacos.pair_scores,
  kind FULL,
  description 'One row per judged ordered pair: the two scores of the judge, or why there are none.',
  column_descriptions (
    pair_id = 'The judged pair.',
    judging_round = 'The round in which it was judged.',
    cluster_id = 'The cluster in which the two compete.',
    first_sample_id = 'The sample that the judge read first.',
    second_sample_id = 'The sample that the judge read second.',
    is_order_check = 'Whether it repeats another pair of the round in the other order.',
    first_score = 'Score of the first sample, 1-100, higher is better; NULL if the judgment failed.',
    second_score = 'Score of the second sample, 1-100, higher is better; NULL if the judgment failed.',
    error = 'Why there are no scores; NULL if there are.',
    model_name = 'The judge: a model, or the offline heuristic, which is not an LLM.'
  ),
  grain pair_id,
  audits (
    UNIQUE_VALUES(columns := (
      pair_id
    )),
    NOT_NULL(columns := (pair_id, cluster_id, first_sample_id, second_sample_id, model_name)),
    ACCEPTED_RANGE("column" := first_score, min_v := 1, max_v := 100),
    ACCEPTED_RANGE("column" := second_score, min_v := 1, max_v := 100),
    SCORES_OR_AN_ERROR,
    SCORES_GO_BEYOND_A_SCALE_OF_TEN,
    JUDGED_PAIRS_AND_ONLY_THEY_HAVE_SCORES
  ),
  tags (
    judging
  )
);

WITH judged AS (
  SELECT
    pairs.pair_id,
    pairs.judging_round,
    pairs.cluster_id,
    pairs.first_sample_id,
    pairs.second_sample_id,
    pairs.is_order_check,
    replies.scores,
    replies.error,
    replies.model_name
  FROM tacos.pairs AS pairs
  INNER JOIN tacos.pair_replies AS replies
    ON replies.pair_id = pairs.pair_id
)
SELECT
  pair_id::TEXT AS pair_id,
  judging_round::INT AS judging_round,
  cluster_id::INT AS cluster_id,
  first_sample_id::TEXT AS first_sample_id,
  second_sample_id::TEXT AS second_sample_id,
  is_order_check::BOOLEAN AS is_order_check,
  scores.first_score::INT AS first_score,
  scores.second_score::INT AS second_score,
  error::TEXT AS error,
  model_name::TEXT AS model_name
FROM judged