MODEL (
  name tacos_internal.judging_progress,
  kind FULL,
  description 'One row per judging round, and one before the first: what judging has cost up to it, and how much of the gain of the final selection is reached. Valued by the last scores themselves, not by an oracle: it tells where judging still changed the selection, not how right it is.',
  column_descriptions (
    judging_round = 'The round, from 1; 0 before any judgment, when the choice is random.',
    model_name = 'Its judge: a model, or the offline heuristic; NULL of round 0, and where nothing was to be judged.',
    n_calls = 'Calls of the round, those included whose reply could not be read.',
    cost_usd = 'US dollars of them, whenever they were paid; NULL if a price is unknown.',
    n_calls_so_far = 'Calls up to the round.',
    cost_usd_so_far = 'US dollars up to the round; NULL if a price is unknown.',
    n_kept = 'Samples that would be kept if judging ended with the round, as many of every cluster as are planned.',
    shared_share = 'Share of them that are kept after the last round too, 0 to 1; of round 0 what is expected of a random choice.',
    mean_gain = 'Mean of their cluster_score after the last round, above the mean of their cluster; 0 expected of a random choice.',
    gain_share = 'mean_gain as a share of that after the last round, at most 1: how much of what judging gains the calls so far have gained; NULL where judging gains nothing.'
  ),
  grain judging_round,
  audits (
    UNIQUE_VALUES(columns := (
      judging_round
    )),
    NOT_NULL(
      columns := (judging_round, n_calls, n_calls_so_far, n_kept, shared_share, mean_gain)
    ),
    THE_LAST_ROUND_GAINS_MOST
  ),
  tags (
    diagnostics
  )
);

WITH rounds AS (
  SELECT
    gains.judging_round,
    costs.model_name,
    COALESCE(costs.n_calls, 0) AS n_calls,
    CASE WHEN costs.judging_round IS NULL THEN 0 ELSE costs.cost_usd END AS cost_usd,
    gains.n_kept,
    gains.n_shared / gains.n_kept::DOUBLE AS shared_share,
    gains.gain / gains.n_kept AS mean_gain
  FROM tacos_internal.round_gains AS gains
  LEFT JOIN tacos_internal.round_costs AS costs
    ON costs.judging_round = gains.judging_round
  UNION ALL
  SELECT
    0 AS judging_round,
    NULL AS model_name,
    0 AS n_calls,
    0 AS cost_usd,
    n_kept,
    n_expected / n_kept AS shared_share,
    0 AS mean_gain
  FROM tacos_internal.round_gains
  WHERE
    judging_round = 1
)
SELECT
  judging_round::INT AS judging_round,
  model_name::TEXT AS model_name,
  n_calls::BIGINT AS n_calls,
  cost_usd::DOUBLE AS cost_usd,
  (
    SUM(n_calls) OVER (ORDER BY judging_round)
  )::BIGINT AS n_calls_so_far,
  CASE
    WHEN COUNT(cost_usd) OVER (ORDER BY judging_round) = COUNT(*) OVER (ORDER BY judging_round)
    THEN SUM(cost_usd::DECIMAL(18, 12)) OVER (ORDER BY judging_round)
  END::DOUBLE AS cost_usd_so_far,
  n_kept::BIGINT AS n_kept,
  @ROUNDED(shared_share, 6)::DOUBLE AS shared_share,
  @ROUNDED(mean_gain, 6)::DOUBLE AS mean_gain,
  @ROUNDED(
    mean_gain / NULLIF(FIRST_VALUE(mean_gain) OVER (ORDER BY judging_round DESC), 0),
    6
  )::DOUBLE AS gain_share
FROM rounds