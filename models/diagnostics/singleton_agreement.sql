MODEL (
  name tacos_internal.singleton_agreement,
  kind FULL,
  description 'One row per cluster, and one for all of them: how far judging samples alone agrees with comparing them, where has_singleton_scores is on.',
  column_descriptions (
    is_total = 'Whether the row is for all clusters together, ranks still being those inside the clusters.',
    cluster_id = 'The cluster; NULL for all of them.',
    n_samples = 'Samples that were judged in both ways.',
    rank_correlation = 'Correlation of the ranks by both (Spearman), -1 to 1; NULL where one of them never varies.',
    rank_correlation_low = 'Lower end of its 95% interval (Fisher''s z); NULL with fewer than 4 samples.',
    rank_correlation_high = 'Upper end of it.',
    kendall_tau = 'Agreement of the orders of two samples of a cluster (Kendall''s tau-b, which discounts ties), -1 to 1; NULL where one of both ways tells none apart.',
    n_tau_pairs = 'Pairs that kendall_tau is over: those of at most 200 samples of a cluster, chosen by hash.',
    pair_spread = 'Standard deviation of the mean scores from comparisons, in points.',
    alone_spread = 'Standard deviation of the scores alone, in points.',
    alone_tie_share = 'Share of the samples whose score alone another one of the cluster has too, 0 to 1: their order is chance.',
    n_tied_at_cut = 'Samples of which only some fit into the places of their cluster, though their scores alone are the same.',
    pair_reliability = 'Share of the variance of cluster_score that is not its squared standard error, at most 1: what would stay if all was judged again; NULL where it cannot be told. Scores alone tell nothing of their own error.'
  ),
  grain (is_total, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (is_total, cluster_id)),
    NOT_NULL(
      columns := (
        is_total,
        n_samples,
        n_tau_pairs,
        pair_spread,
        alone_spread,
        alone_tie_share,
        n_tied_at_cut
      )
    )
  ),
  tags (
    diagnostics
  )
);

WITH levels AS (
  SELECT
    FALSE AS is_total
  UNION ALL
  SELECT
    TRUE AS is_total
), members AS (
  SELECT
    levels.is_total,
    CASE WHEN NOT levels.is_total THEN ranks.cluster_id END AS cluster_id,
    ranks.pair_rank,
    ranks.alone_rank,
    ranks.judge_score_millis,
    ranks.alone_score,
    ranks.is_tied,
    ranks.is_tied_at_cut,
    ranks.cluster_score_millis,
    ranks.squared_error_micros
  FROM tacos_internal.singleton_ranks AS ranks
  CROSS JOIN levels
), measured AS (
  SELECT
    is_total,
    cluster_id,
    COUNT(*) AS n_samples,
    @INTEGER_CORRELATION(pair_rank, alone_rank) AS rank_correlation,
    @INTEGER_SPREAD(judge_score_millis) / 1000 AS pair_spread,
    @INTEGER_SPREAD(alone_score) AS alone_spread,
    COUNT_IF(is_tied) AS n_tied,
    COUNT_IF(is_tied_at_cut) AS n_tied_at_cut,
    @INTEGER_SPREAD(cluster_score_millis) AS score_spread,
    SUM(squared_error_micros)::DOUBLE / NULLIF(COUNT(squared_error_micros), 0) AS squared_error
  FROM members
  GROUP BY
    is_total,
    cluster_id
)
SELECT
  measured.is_total::BOOLEAN AS is_total,
  measured.cluster_id::INT AS cluster_id,
  n_samples::BIGINT AS n_samples,
  rank_correlation::DOUBLE AS rank_correlation,
  @FISHER_BOUND(rank_correlation, n_samples, -1)::DOUBLE AS rank_correlation_low,
  @FISHER_BOUND(rank_correlation, n_samples, 1)::DOUBLE AS rank_correlation_high,
  @ROUNDED(
    orders.n_agreeing / NULLIF(
      SQRT(orders.n_told_apart_by_pairs::DOUBLE) * SQRT(orders.n_told_apart_alone::DOUBLE),
      0
    ),
    6
  )::DOUBLE AS kendall_tau,
  COALESCE(orders.n_pairs, 0)::BIGINT AS n_tau_pairs,
  @ROUNDED(pair_spread, 6)::DOUBLE AS pair_spread,
  alone_spread::DOUBLE AS alone_spread,
  @ROUNDED(n_tied / n_samples, 6)::DOUBLE AS alone_tie_share,
  n_tied_at_cut::BIGINT AS n_tied_at_cut,
  @ROUNDED(1 - squared_error / NULLIF(score_spread * score_spread, 0), 6)::DOUBLE AS pair_reliability
FROM measured
LEFT JOIN tacos_internal.singleton_pairs AS orders
  ON orders.is_total = measured.is_total
  AND COALESCE(orders.cluster_id, -2) = COALESCE(measured.cluster_id, -2)