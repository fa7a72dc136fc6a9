MODEL (
  name tacos_internal.ring_edges_@judging_round,
  kind EMBEDDED,
  blueprints @JUDGING_ROUNDS(),
  description 'One row per two samples that sit at the distance of their ring and were not judged before: the pairs to draw from; computed inside its readers.',
  column_descriptions (
    cluster_id = 'The cluster.',
    draw_no = 'In which order to draw: ring by ring, then the pairs across a ring.',
    first_sample_id = 'The sample that the judge would read first.',
    second_sample_id = 'The sample that the judge would read second.',
    pair_hash = 'md5 of both, in either order: settles ties.'
  ),
  grain (cluster_id, first_sample_id, second_sample_id),
  tags (
    judging
  )
);

WITH earlier AS (
  SELECT DISTINCT
    cluster_id,
    LEAST(first_sample_id, second_sample_id) AS low_sample_id,
    GREATEST(first_sample_id, second_sample_id) AS high_sample_id
  FROM @PAIRS_OF_ROUNDS(@previous_round) AS pairs_before
), seats AS (
  SELECT
    cluster_id,
    ring_no,
    sample_id,
    n_pool,
    is_matching,
    distance,
    seat,
    segment_seat
  FROM tacos_internal.ring_seats_@judging_round
), edges /* Across an even ring, the second half of the seats would repeat the pairs of the first half. */ AS (
  SELECT
    seats.cluster_id,
    seats.ring_no,
    seats.distance,
    seats.sample_id AS first_sample_id,
    partners.sample_id AS second_sample_id,
    LEAST(seats.sample_id, partners.sample_id) AS low_sample_id,
    GREATEST(seats.sample_id, partners.sample_id) AS high_sample_id,
    MD5(
      LEAST(seats.sample_id, partners.sample_id) || '-' || GREATEST(seats.sample_id, partners.sample_id)
    ) AS pair_hash
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
      NOT seats.is_matching OR seats.segment_seat % 2 = 1
    )
)
/* Neighbours come first; pairs across the ring are drawn, and ordered, by their hash alone. */
SELECT
  edges.cluster_id::INT AS cluster_id,
  CASE WHEN edges.distance > 1 THEN 2 ELSE edges.ring_no END::BIGINT AS draw_no,
  CASE
    WHEN edges.distance > 1 AND edges.pair_hash < '8'
    THEN edges.low_sample_id
    WHEN edges.distance > 1
    THEN edges.high_sample_id
    ELSE edges.first_sample_id
  END::TEXT AS first_sample_id,
  CASE
    WHEN edges.distance > 1 AND edges.pair_hash < '8'
    THEN edges.high_sample_id
    WHEN edges.distance > 1
    THEN edges.low_sample_id
    ELSE edges.second_sample_id
  END::TEXT AS second_sample_id,
  edges.pair_hash::TEXT AS pair_hash
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