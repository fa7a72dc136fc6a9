MODEL (
  name tacos.judge_reliability,
  kind FULL,
  description 'One row per judge: how far it agrees with itself where it judged a pair in both orders, and how its scores are spread.',
  column_descriptions (
    model_name = 'The judge: a model, or the offline heuristic, which scores each sample alone and can neither flip nor prefer a place.',
    n_pairs = 'Pairs that it judged in both orders.',
    n_decided_pairs = 'Those in which it found a winner in either order.',
    flip_rate = 'Share of the decided pairs whose winner changed with the order, 0 to 1; NULL without any.',
    flip_rate_low = 'Lower end of the 95% interval of flip_rate (Wilson).',
    flip_rate_high = 'Upper end of it.',
    tie_share = 'Share of the pairs judged in both orders that were a tie in at least one of them, 0 to 1.',
    mean_position_shift = 'Points by which the first place is favoured: the first score minus the second, averaged over both orders.',
    n_scores = 'Scores that it gave, two per judgment.',
    highest_score = 'The highest of them, 1 to 100.',
    ceiling_share = 'Share of them that are 95 or more, 0 to 1.',
    length_correlation = 'Correlation of the score with the logarithm of the number of characters of the response, -1 to 1; NULL if one of them never varies.',
    n_clusters = 'Clusters in which it gave at least 10 scores.',
    flat_cluster_share = 'Share of them in which the scores have a standard deviation below flat_score_spread, 0 to 1; NULL without any.',
    n_wording_pairs = 'Pairs that it judged in both wordings (audit_wording_share).',
    wording_flip_rate = 'Share of those with a winner in both whose winner changed with the wording; judge_agreement has its interval.',
    wording_correlation = 'Correlation of the margins of both wordings, -1 to 1.'
  ),
  grain model_name,
  audits (
    UNIQUE_VALUES(columns := (
      model_name
    )),
    NOT_NULL(columns := (n_pairs, n_decided_pairs, n_scores, highest_score, ceiling_share))
  ),
  tags (
    diagnostics
  )
);

WITH orders AS (
  SELECT
    model_name,
    COUNT_IF(is_tie) AS n_ties,
    SUM(margin_first - margin_second) AS sum_of_shifts
  FROM tacos_internal.order_checks
  GROUP BY
    model_name
), totals AS (
  SELECT
    model_name,
    COUNT(*) AS n_scores,
    MAX(score) AS highest_score,
    COUNT_IF(score >= 95) AS n_at_ceiling,
    @INTEGER_CORRELATION(score, log_length) AS length_correlation
  FROM tacos_internal.given_scores
  GROUP BY
    model_name
)
SELECT
  totals.model_name::TEXT AS model_name,
  COALESCE(flips.n_pairs, 0)::BIGINT AS n_pairs,
  COALESCE(flips.n_decided_pairs, 0)::BIGINT AS n_decided_pairs,
  flips.flip_rate::DOUBLE AS flip_rate,
  flips.flip_rate_low::DOUBLE AS flip_rate_low,
  flips.flip_rate_high::DOUBLE AS flip_rate_high,
  @ROUNDED(orders.n_ties / flips.n_pairs, 6)::DOUBLE AS tie_share,
  @ROUNDED(orders.sum_of_shifts::DOUBLE / 2 / flips.n_pairs, 6)::DOUBLE AS mean_position_shift,
  totals.n_scores::BIGINT AS n_scores,
  totals.highest_score::INT AS highest_score,
  @ROUNDED(totals.n_at_ceiling / totals.n_scores, 6)::DOUBLE AS ceiling_share,
  totals.length_correlation::DOUBLE AS length_correlation,
  COALESCE(flatness.n_clusters, 0)::BIGINT AS n_clusters,
  @ROUNDED(flatness.n_flat / flatness.n_clusters, 6)::DOUBLE AS flat_cluster_share,
  COALESCE(wordings.n_pairs, 0)::BIGINT AS n_wording_pairs,
  wordings.flip_rate::DOUBLE AS wording_flip_rate,
  wordings.margin_correlation::DOUBLE AS wording_correlation
FROM totals
LEFT JOIN orders
  ON orders.model_name = totals.model_name
LEFT JOIN tacos_internal.judge_agreement AS flips
  ON flips.model_name = totals.model_name AND flips.comparison = 'order'
LEFT JOIN tacos_internal.judge_agreement AS wordings
  ON wordings.model_name = totals.model_name AND wordings.comparison = 'wording'
LEFT JOIN tacos_internal.judge_flatness AS flatness
  ON flatness.model_name = totals.model_name