MODEL (
  name tacos_internal.judge_agreement,
  kind FULL,
  description 'One row per way of judging a pair twice and judge, or two judges: how often the winner changed, how the margins correlate, how noisy they are.',
  column_descriptions (
    comparison = 'What differs between the two judgments: order (of the samples), wording (of the prompt, where audit_wording_share is above 0) or judge (where audit_judge_share is above 0), or judge_and_order (pairs of the first round that the later judge met again, turned around).',
    model_name = 'The judge.',
    other_model_name = 'The other judge, of the later rounds; the same where comparison is order or wording.',
    n_pairs = 'Pairs that were judged twice.',
    n_decided_pairs = 'Those in which both judgments found a winner.',
    flip_rate = 'Share of the decided pairs with another winner, 0 to 1; NULL without any.',
    flip_rate_low = 'Lower end of its 95% interval (Wilson).',
    flip_rate_high = 'Upper end of it.',
    margin_correlation = 'Correlation of the two margins, -1 to 1; NULL where one of them never varies.',
    margin_correlation_low = 'Lower end of its 95% interval (Fisher''s z); NULL with fewer than 4 pairs.',
    margin_correlation_high = 'Upper end of it.',
    margin_noise = 'Points by which a margin varies if the pair is judged again: the standard deviation of the difference of both, divided by the root of 2.'
  ),
  grain (comparison, model_name, other_model_name),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (comparison, model_name, other_model_name)),
    NOT_NULL(columns := (n_pairs, n_decided_pairs, margin_noise)),
    ACCEPTED_VALUES("column" := comparison, is_in := ('order', 'wording', 'judge', 'judge_and_order'))
  ),
  tags (
    diagnostics
  )
);

WITH counted AS (
  SELECT
    comparison,
    model_name,
    other_model_name,
    COUNT(*) AS n_pairs,
    COUNT_IF(margin <> 0 AND other_margin <> 0) AS n_decided,
    COUNT_IF(margin * other_margin < 0) AS n_flips,
    @INTEGER_CORRELATION(margin, other_margin) AS margin_correlation,
    @INTEGER_SPREAD((
      margin - other_margin
    )) AS spread
  FROM tacos_internal.agreement_margins
  GROUP BY
    comparison,
    model_name,
    other_model_name
)
SELECT
  comparison::TEXT AS comparison,
  model_name::TEXT AS model_name,
  other_model_name::TEXT AS other_model_name,
  n_pairs::BIGINT AS n_pairs,
  n_decided::BIGINT AS n_decided_pairs,
  @ROUNDED(n_flips / NULLIF(n_decided, 0), 6)::DOUBLE AS flip_rate,
  @WILSON_BOUND(n_flips, NULLIF(n_decided, 0))::DOUBLE AS flip_rate_low,
  (
    1 - @WILSON_BOUND(n_decided - n_flips, NULLIF(n_decided, 0))
  )::DOUBLE AS flip_rate_high,
  margin_correlation::DOUBLE AS margin_correlation,
  @FISHER_BOUND(margin_correlation, n_pairs, -1)::DOUBLE AS margin_correlation_low,
  @FISHER_BOUND(margin_correlation, n_pairs, 1)::DOUBLE AS margin_correlation_high,
  @ROUNDED(spread / SQRT(2), 6)::DOUBLE AS margin_noise
FROM counted