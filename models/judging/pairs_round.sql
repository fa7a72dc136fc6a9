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
  FROM tacos_internal.judging_plan AS plan
  LEFT JOIN spent
    ON spent.cluster_id = plan.cluster_id
  WHERE
    plan.judging_round = @judging_round
), designs /* In a small or much judged pool every pair can be drawn, in a large one the neighbours on a few rings. */ AS (
  SELECT
    cluster_id,
    n_pool,
    n_pairs,
    n_checks,
    is_matching,
    n_pool <= 40 OR 16 * n_pairs > n_pool * n_pool AS draws_all_pairs,
    CASE
      WHEN @previous_round = 0 AND n_pool > 5
      THEN 1
      WHEN n_pool <= 40 OR 16 * n_pairs > n_pool * n_pool
      THEN GREATEST(1, FLOOR(n_pool / 2.0))
      ELSE CEIL(1.25 * n_pairs / n_pool) + 2
    END::BIGINT AS n_rings
  FROM contests
  WHERE
    n_pairs > 0 AND n_pool > 1
), ranked AS (
  SELECT
    cluster_id,
    sample_id,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY score DESC, sample_id) AS score_rank
  FROM tacos_internal.scores_@previous_round
), pools AS (
  SELECT
    designs.cluster_id,
    designs.n_pool,
    designs.is_matching,
    ring.ring_no,
    CASE WHEN designs.draws_all_pairs THEN ring.ring_no ELSE 1 END AS distance,
    ranked.sample_id,
    MD5(
      @judging_round::TEXT || '-' || CASE WHEN designs.draws_all_pairs THEN 1 ELSE ring.ring_no END::TEXT || '-' || ranked.sample_id
    ) AS seat_hash
  FROM designs
  CROSS JOIN UNNEST(GENERATE_SERIES(1, designs.n_rings)) AS ring(ring_no)
  INNER JOIN ranked
    ON ranked.cluster_id = designs.cluster_id AND ranked.score_rank <= designs.n_pool
), seats AS (
  SELECT
    cluster_id,
    n_pool,
    is_matching,
    ring_no,
    distance,
    sample_id,
    ROW_NUMBER() OVER (PARTITION BY cluster_id, ring_no ORDER BY seat_hash, sample_id) AS seat,
    SUM(CASE WHEN @STARTS_A_SEGMENT(seat_hash) THEN 1 ELSE 0 END) OVER (PARTITION BY cluster_id, ring_no ORDER BY seat_hash, sample_id) AS segment_no
  FROM pools
), placed AS (
  SELECT
    cluster_id,
    n_pool,
    is_matching,
    ring_no,
    distance,
    sample_id,
    seat,
    ROW_NUMBER() OVER (PARTITION BY cluster_id, ring_no, segment_no ORDER BY seat) AS segment_seat
  FROM seats
), edges /* Across an even ring, the second half of the seats would repeat the pairs of the first half. */ AS (
  SELECT
    placed.cluster_id,
    placed.ring_no,
    placed.distance,
    placed.sample_id AS first_sample_id,
    partners.sample_id AS second_sample_id,
    LEAST(placed.sample_id, partners.sample_id) AS low_sample_id,
    GREATEST(placed.sample_id, partners.sample_id) AS high_sample_id,
    MD5(
      LEAST(placed.sample_id, partners.sample_id) || '-' || GREATEST(placed.sample_id, partners.sample_id)
    ) AS pair_hash
  FROM placed
  INNER JOIN placed AS partners
    ON partners.cluster_id = placed.cluster_id
    AND partners.ring_no = placed.ring_no
    AND partners.seat = (
      placed.seat - 1 + placed.distance
    ) % placed.n_pool + 1
  WHERE
    (
      2 * placed.distance <> placed.n_pool OR placed.seat <= placed.distance
    )
    AND (
      NOT placed.is_matching OR placed.segment_seat % 2 = 1
    )
), fresh /* Neighbours come first; pairs across the ring are drawn, and ordered, by their hash alone. */ AS (
  SELECT
    edges.cluster_id,
    CASE WHEN edges.distance > 1 THEN 2 ELSE edges.ring_no END AS draw_no,
    CASE
      WHEN edges.distance > 1 AND edges.pair_hash < '8'
      THEN edges.low_sample_id
      WHEN edges.distance > 1
      THEN edges.high_sample_id
      ELSE edges.first_sample_id
    END AS first_sample_id,
    CASE
      WHEN edges.distance > 1 AND edges.pair_hash < '8'
      THEN edges.high_sample_id
      WHEN edges.distance > 1
      THEN edges.low_sample_id
      ELSE edges.second_sample_id
    END AS second_sample_id,
    edges.pair_hash
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
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY draw_no, pair_hash) AS pair_rank
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