MODEL (
  name tacos_internal.ring_seats_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per cluster, ring and sample of the pool: where it sits on the ring; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    ring_no = 'The ring, from 1.',
    sample_id = 'The sample: one of the best so far.',
    n_pool = 'How many seats the ring has.',
    is_matching = 'Whether every other edge of a segment is taken only.',
    distance = 'How many seats lie between the partners of the ring: 1 for neighbours.',
    seat = 'Place on the ring, from 1, by the hash of the sample and the round.',
    segment_seat = 'Place in the segment of the ring, from 1.'
  ),
  grain (cluster_id, ring_no, sample_id),
  tags (
    judging
  )
);

WITH ranked AS (
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
    designs.is_segmented,
    ring.ring_no,
    CASE WHEN designs.is_whole THEN ring.ring_no ELSE 1 END AS distance,
    ranked.sample_id,
    MD5(
      @judging_round::TEXT || '-' || CASE WHEN designs.is_whole THEN 1 ELSE ring.ring_no END::TEXT || '-' || ranked.sample_id
    ) AS seat_hash
  FROM tacos_internal.ring_designs_@judging_round AS designs
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
    SUM(CASE WHEN is_segmented AND @STARTS_A_SEGMENT(seat_hash) THEN 1 ELSE 0 END) OVER (PARTITION BY cluster_id, ring_no ORDER BY seat_hash, sample_id) AS segment_no
  FROM pools
)
SELECT
  cluster_id::INT AS cluster_id,
  ring_no::BIGINT AS ring_no,
  sample_id::TEXT AS sample_id,
  n_pool::BIGINT AS n_pool,
  is_matching::BOOLEAN AS is_matching,
  distance::BIGINT AS distance,
  seat::BIGINT AS seat,
  ROW_NUMBER() OVER (PARTITION BY cluster_id, ring_no, segment_no ORDER BY seat)::BIGINT AS segment_seat
FROM seats