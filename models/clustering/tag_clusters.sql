MODEL (
  name tacos.tag_clusters,
  kind FULL,
  depends_on (
    tacos.normalized_tags
  ),
  description 'One row per normalized tag: the cluster whose centroid is nearest.',
  column_descriptions (
    normalized_tag = 'The tag.',
    cluster_id = 'The nearest cluster, from 0; of clusters equally near the one of lower id.',
    distance_to_centroid = 'Euclidean distance between the unit vector of the tag and the centroid, 0 to 2.',
    n_samples = 'Number of samples that carry the tag.'
  ),
  grain normalized_tag,
  audits (
    UNIQUE_VALUES(columns := (
      normalized_tag
    )),
    NOT_NULL(columns := (cluster_id, distance_to_centroid, n_samples)),
    ACCEPTED_RANGE("column" := distance_to_centroid, min_v := 0, max_v := 2),
    CLUSTERS_HOLD_EXACTLY_THE_NORMALIZED_TAGS
  ),
  tags (
    clustering
  )
);

WITH distances AS (
  SELECT
    tags.tag,
    tags.n_samples,
    dots.cluster_id,
    @ROUNDED(SQRT(GREATEST(0, 1 - 2 * dots.dot + centroids.squared_norm)), 6) AS distance_to_centroid
  FROM tacos_internal.tag_embeddings AS tags
  INNER JOIN tacos_internal.tag_cluster_dots AS dots
    ON dots.tag = tags.tag
  INNER JOIN tacos_internal.cluster_centroids AS centroids
    ON centroids.cluster_id = dots.cluster_id
  WHERE
    tags.is_normalized
)
SELECT
  tag::TEXT AS normalized_tag,
  cluster_id::INT AS cluster_id,
  distance_to_centroid::DOUBLE AS distance_to_centroid,
  n_samples::BIGINT AS n_samples
FROM distances
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY tag ORDER BY distance_to_centroid, cluster_id) = 1