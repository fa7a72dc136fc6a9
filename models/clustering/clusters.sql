MODEL (
  name tacos.clusters,
  kind FULL,
  description 'One row per sample and cluster that its tags hit. A sample that kept no tag is in cluster -1 (untagged), so that no sample is lost.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster; -1 for samples without a normalized tag.',
    n_tags = 'How many of the sample''s normalized tags lie in the cluster; 0 in cluster -1.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (sample_id, cluster_id, n_tags)),
    EVERY_SAMPLE_HAS_A_CLUSTER,
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
)
SELECT
  samples.sample_id::TEXT AS sample_id,
  COALESCE(hits.cluster_id, -1)::INT AS cluster_id,
  COALESCE(hits.n_tags, 0)::BIGINT AS n_tags
FROM tacos.samples AS samples
LEFT JOIN hits
  ON hits.sample_id = samples.sample_id