MODEL (
  name tacos_internal.singleton_pairs,
  kind EMBEDDED,
  description 'One row per cluster in which two samples or more were both compared and judged alone, and one for all of them: how often two of a cluster stand in the same order by both, for Kendall''s tau.',
  column_descriptions (
    is_total = 'Whether the row is for all clusters together.',
    cluster_id = 'The cluster; NULL for all of them.',
    n_pairs = 'Pairs of its samples, all of them or those of 200 samples chosen by hash: 19,900 at most, however large the cluster.',
    n_agreeing = 'Pairs in the same order by both, minus those in opposite orders.',
    n_told_apart_by_pairs = 'Pairs whose cluster_score differs.',
    n_told_apart_alone = 'Pairs whose score alone differs.'
  ),
  grain (is_total, cluster_id),
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
), chosen AS (
  SELECT
    cluster_id,
    sample_id,
    pair_rank,
    alone_rank
  FROM tacos_internal.singleton_ranks
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY MD5('tau-' || sample_id)) <= 200
), orders AS (
  SELECT
    levels.is_total,
    CASE WHEN NOT levels.is_total THEN one.cluster_id END AS cluster_id,
    SIGN(one.pair_rank - other.pair_rank) AS pair_order,
    SIGN(one.alone_rank - other.alone_rank) AS alone_order
  FROM chosen AS one
  INNER JOIN chosen AS other
    ON other.cluster_id = one.cluster_id AND other.sample_id > one.sample_id
  CROSS JOIN levels
)
SELECT
  is_total::BOOLEAN AS is_total,
  cluster_id::INT AS cluster_id,
  COUNT(*)::BIGINT AS n_pairs,
  SUM((
    pair_order * alone_order
  )::INT)::BIGINT AS n_agreeing,
  COUNT_IF(pair_order <> 0)::BIGINT AS n_told_apart_by_pairs,
  COUNT_IF(alone_order <> 0)::BIGINT AS n_told_apart_alone
FROM orders
GROUP BY
  is_total,
  cluster_id