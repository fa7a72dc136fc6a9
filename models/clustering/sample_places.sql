MODEL (
  name tacos_internal.sample_places,
  kind FULL,
  description 'One row per sample with a tag: the cluster whose centroid is nearest the mean of its tags'' vectors. None where tags are clustered.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The nearest cluster; of clusters equally near the one of lower id.',
    nearness = 'Sum over its tags of twice the dot product less the squared norm of the centroid, in units of 1e-8: the largest of all clusters.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    NOT_NULL(columns := (cluster_id, nearness))
  ),
  tags (
    clustering
  )
);

/* |mean - centroid|^2 is the same for all clusters but for -2/n * SUM(dot) + |centroid|^2: no vector of a sample is needed.
Whole numbers are summed, which a DOUBLE holds exactly: the order of the rows does not show. */
WITH seated AS (
  SELECT
    dots.tag,
    @CLUSTER_BLOCK(dots.cluster_id) AS cluster_block,
    @SEAT_VALUES(dots.cluster_id, ROUND(100000000 * (
      2 * dots.dot - centroids.squared_norm
    )))
  FROM tacos_internal.tag_cluster_dots AS dots
  INNER JOIN tacos_internal.cluster_centroids AS centroids
    ON centroids.cluster_id = dots.cluster_id
  WHERE
    @CLUSTER_ON() = 'samples'
  GROUP BY
    dots.tag,
    @CLUSTER_BLOCK(dots.cluster_id)
), summed AS (
  SELECT
    tags.sample_id,
    seated.cluster_block,
    @SEAT_SUMS()
  FROM tacos_internal.placement_tags AS tags
  INNER JOIN seated
    ON seated.tag = tags.tag
  GROUP BY
    tags.sample_id,
    seated.cluster_block
), best AS (
  SELECT
    sample_id,
    cluster_block + @BEST_SEAT() AS cluster_id,
    @BEST_SEAT_VALUE() AS nearness
  FROM summed
)
SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  nearness::DOUBLE AS nearness
FROM best
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY sample_id ORDER BY nearness DESC, cluster_id) = 1