MODEL (
  name tacos.pairs_@judging_round,
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
    )
  ),
  tags (
    judging
  )
);

WITH earlier AS (
  SELECT
    cluster_id,
    LEAST(first_sample_id, second_sample_id) AS low_sample_id,
    GREATEST(first_sample_id, second_sample_id) AS high_sample_id,
    COUNT(*) AS n_calls
  FROM @PAIRS_OF_ROUNDS(@previous_round) AS pairs_before
  GROUP BY
    cluster_id,
    LEAST(first_sample_id, second_sample_id),
    GREATEST(first_sample_id, second_sample_id)
), spent AS (
  SELECT
    cluster_id,
    SUM(n_calls) AS n_calls
  FROM earlier
  GROUP BY
    cluster_id
), contests /* Calls that earlier rounds could not use are used now. */ AS (
  SELECT
    plan.cluster_id,
    plan.n_pool,
    plan.is_matching,
    plan.n_checks,
    plan.n_pairs + plan.n_calls_so_far - plan.n_calls - COALESCE(spent.n_calls, 0) AS n_pairs
  FROM tacos.judging_plan AS plan
  LEFT JOIN spent
    ON spent.cluster_id = plan.cluster_id
  WHERE
    plan.judging_round = @judging_round
), designs /* A small or much judged pool: one ring, growing distances. A large one: a newly salted ring each time. */ AS (
  SELECT
    cluster_id,
    n_pool,
    n_pairs,
    n_checks,
    is_matching,
    n_pool <= 40 OR 16 * n_pairs > n_pool * n_pool AS has_one_ring,
    CASE
      WHEN @previous_round = 0 AND n_pool > 5
      THEN 1
      WHEN n_pool <= 40
      THEN GREATEST(1, FLOOR(n_pool / 2.0))
      ELSE LEAST(FLOOR(n_pool / 2.0), CEIL(1.25 * n_pairs / n_pool) + 2)
    END::BIGINT AS n_rings
  FROM contests
  WHERE
    n_pairs > 0 AND n_pool > 1
), ranked AS (
  SELECT
    cluster_id,
    sample_id,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY score DESC, sample_id) AS score_rank
  FROM tacos.scores_@previous_round
), seats AS (
  SELECT
    designs.cluster_id,
    designs.n_pool,
    designs.is_matching,
    ring.ring_no,
    CASE WHEN designs.has_one_ring THEN ring.ring_no ELSE 1 END AS distance,
    ranked.sample_id,
    ROW_NUMBER() OVER (
      PARTITION BY designs.cluster_id, ring.ring_no
      ORDER BY MD5(
        @judging_round::TEXT || '-' || CASE WHEN designs.has_one_ring THEN 1 ELSE ring.ring_no END::TEXT || '-' || ranked.sample_id
      ), ranked.sample_id
    ) AS seat
  FROM designs
  CROSS JOIN UNNEST(GENERATE_SERIES(1, designs.n_rings)) AS ring(ring_no)
  INNER JOIN ranked
    ON ranked.cluster_id = designs.cluster_id AND ranked.score_rank <= designs.n_pool
), edges /* Across an even ring, the second half of the seats would repeat the pairs of the first half. */ AS (
  SELECT
    seats.cluster_id,
    seats.ring_no,
    seats.sample_id AS first_sample_id,
    partners.sample_id AS second_sample_id,
    LEAST(seats.sample_id, partners.sample_id) AS low_sample_id,
    GREATEST(seats.sample_id, partners.sample_id) AS high_sample_id
  FROM seats
  INNER JOIN seats AS partners
    ON partners.cluster_id = seats.cluster_id
    AND partners.ring_no = seats.ring_no
    AND partners.seat = (
      seats.seat - 1 + seats.distance
    ) % seats.n_pool + 1
  WHERE
    (
      2 * seats.distance <> seats.n_pool OR seats.seat <= seats.distance
    )
    AND (
      NOT seats.is_matching OR seats.seat % 2 = 1
    )
), fresh AS (
  SELECT
    edges.cluster_id,
    edges.ring_no,
    edges.first_sample_id,
    edges.second_sample_id,
    MD5(edges.low_sample_id || '-' || edges.high_sample_id) AS pair_hash
  FROM edges
  LEFT JOIN earlier
    ON earlier.cluster_id = edges.cluster_id
    AND earlier.low_sample_id = edges.low_sample_id
    AND earlier.high_sample_id = edges.high_sample_id
  WHERE
    earlier.cluster_id IS NULL
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY edges.cluster_id, edges.low_sample_id, edges.high_sample_id
      ORDER BY edges.ring_no, edges.first_sample_id
    ) = 1
), ordered AS (
  SELECT
    cluster_id,
    first_sample_id,
    second_sample_id,
    pair_hash,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY ring_no, pair_hash) AS pair_rank
  FROM fresh
), taken AS (
  SELECT
    ordered.cluster_id,
    ordered.first_sample_id,
    ordered.second_sample_id,
    ROW_NUMBER() OVER (PARTITION BY ordered.cluster_id ORDER BY MD5('check-' || ordered.pair_hash)) AS check_rank,
    designs.n_checks
  FROM ordered
  INNER JOIN designs
    ON designs.cluster_id = ordered.cluster_id AND ordered.pair_rank <= designs.n_pairs
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