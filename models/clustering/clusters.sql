MODEL (
  name tacos.clusters,
  kind FULL,
  depends_on (tacos_internal.placement_tags, tacos_internal.cluster_centroids),
  description 'One row per sample and cluster: the one that it belongs to, and those that its tags hit beside it. A sample without any tag is in cluster -1, so that no sample is lost.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster; -1 for samples without a tag.',
    n_tags = 'How many of the sample''s normalized tags are nearest this cluster; 0 where only their mean is.',
    is_primary = 'Whether the sample belongs to it: with cluster_on samples the centroid nearest the mean of its tags, with tags the cluster of most of its tags, ties to the smaller cluster.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (sample_id, cluster_id, n_tags, is_primary)),
    EVERY_SAMPLE_HAS_A_CLUSTER,
    A_SAMPLE_BELONGS_TO_ONE_CLUSTER,
    SAMPLES_ARE_IN_CLUSTERS_OF_TAGS
  ),
  tags (
    clustering
  )
);

WITH hits AS (
  SELECT
    tags.sample_id,
    tag_clusters.cluster_id,
    COUNT(*) AS n_tags
  FROM tacos.normalized_tags AS tags
  INNER JOIN tacos.tag_clusters AS tag_clusters
    ON tag_clusters.normalized_tag = tags.normalized_tag
  GROUP BY
    tags.sample_id,
    tag_clusters.cluster_id
), sized AS (
  SELECT
    sample_id,
    cluster_id,
    n_tags,
    COUNT(*) OVER (PARTITION BY cluster_id) AS n_members
  FROM hits
), most_tags AS (
  SELECT
    sample_id,
    cluster_id
  FROM sized
  WHERE
    @CLUSTER_ON() = 'tags'
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY sample_id ORDER BY n_tags DESC, n_members, cluster_id) = 1
), primaries AS (
  SELECT
    sample_id,
    cluster_id
  FROM tacos_internal.sample_places
  UNION ALL
  SELECT
    sample_id,
    cluster_id
  FROM most_tags
), places AS (
  SELECT
    samples.sample_id,
    COALESCE(primaries.cluster_id, -1) AS cluster_id,
    0 AS n_tags,
    1 AS is_primary
  FROM tacos.samples AS samples
  LEFT JOIN primaries
    ON primaries.sample_id = samples.sample_id
  UNION ALL
  SELECT
    sample_id,
    cluster_id,
    n_tags,
    0 AS is_primary
  FROM hits
)
SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  SUM(n_tags)::BIGINT AS n_tags,
  (
    MAX(is_primary) = 1
  )::BOOLEAN AS is_primary
FROM places
GROUP BY
  sample_id,
  cluster_id