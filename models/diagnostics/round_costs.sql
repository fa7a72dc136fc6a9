MODEL (
  name tacos_internal.round_costs,
  kind EMBEDDED,
  description 'One row per judging round with pairs: who judged, how many calls that took, and what they cost.',
  column_descriptions (
    judging_round = 'The round, from 1.',
    model_name = 'Its judge.',
    n_calls = 'Replies asked for, those that could not be read included; of the offline heuristic its judgments.',
    cost_usd = 'US dollars of them, whenever they were paid, every attempt at a pair at the price of the last one; NULL if a price is unknown.'
  ),
  grain judging_round,
  tags (
    diagnostics
  )
);

WITH replies AS (
  SELECT
    pairs.judging_round,
    replies.model_name,
    GREATEST(replies.n_attempts, 1) AS n_calls,
    CASE
      WHEN replies.raw_reply IS NULL OR replies.request_key IS NULL
      THEN 0
      ELSE calls.cost_usd
    END AS cost_usd
  FROM tacos.pairs AS pairs
  INNER JOIN tacos.pair_replies AS replies
    ON replies.pair_id = pairs.pair_id
  LEFT JOIN tacos.llm_calls AS calls
    ON calls.request_key = replies.request_key
)
SELECT
  judging_round::INT AS judging_round,
  MAX(model_name)::TEXT AS model_name,
  SUM(n_calls)::BIGINT AS n_calls,
  CASE
    WHEN COUNT(*) = COUNT(cost_usd)
    THEN SUM(n_calls * cost_usd::DECIMAL(18, 12))
  END::DOUBLE AS cost_usd
FROM replies
GROUP BY
  judging_round