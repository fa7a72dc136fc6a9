MODEL (
  name tacos_internal.pairs_@judging_round,
  kind FULL,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per ordered pair that the judge sees in the round: neighbours on salted rings of the best so far.',
  column_descriptions (
    pair_id = 'md5 of cluster, first and second sample.',
    judging_round = 'The round.',
    cluster_id = 'The cluster in which the two compete.',
    first_sample_id = 'The sample that the judge reads first.',
    second_sample_id = 'The sample that the judge reads second.',
    is_order_check = 'Whether it repeats another pair of the round in the other order, to measure position bias.'
  ),
  grain pair_id,
  audits (
    UNIQUE_VALUES(columns := (
      pair_id
    )),
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, first_sample_id, second_sample_id)),
    NOT_NULL(
      columns := (pair_id, judging_round, cluster_id, first_sample_id, second_sample_id)
    ),
    PAIRS_ARE_OF_THE_BEST_SO_FAR
  ),
  tags (
    judging
  )
);

WITH ordered AS (
  SELECT
    cluster_id,
    first_sample_id,
    second_sample_id,
    pair_hash,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY draw_no, pair_hash) AS pair_rank
  FROM tacos_internal.ring_edges_@judging_round
), taken AS (
  SELECT
    ordered.cluster_id,
    ordered.first_sample_id,
    ordered.second_sample_id,
    ROW_NUMBER() OVER (PARTITION BY ordered.cluster_id ORDER BY MD5('check-' || ordered.pair_hash)) AS check_rank,
    designs.n_checks
  FROM ordered
  INNER JOIN tacos_internal.ring_designs_@judging_round AS designs
    ON designs.cluster_id = ordered.cluster_id
    AND (
      designs.is_matching OR ordered.pair_rank <= designs.n_pairs
    )
), calls AS (
  SELECT
    cluster_id,
    first_sample_id,
    second_sample_id,
    FALSE AS is_order_check
  FROM taken
  UNION ALL
  SELECT
    cluster_id,
    second_sample_id AS first_sample_id,
    first_sample_id AS second_sample_id,
    TRUE AS is_order_check
  FROM taken
  WHERE
    check_rank <= n_checks
)
SELECT
  MD5(cluster_id::TEXT || '-' || first_sample_id || '-' || second_sample_id)::TEXT AS pair_id,
  @judging_round::INT AS judging_round,
  cluster_id::INT AS cluster_id,
  first_sample_id::TEXT AS first_sample_id,
  second_sample_id::TEXT AS second_sample_id,
  is_order_check::BOOLEAN AS is_order_check
FROM calls