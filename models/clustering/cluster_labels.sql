MODEL (
  name tacos.cluster_labels,
  kind FULL,
  description 'One row per cluster: what it is about, and how large it is.',
  column_descriptions (
    cluster_id = 'The cluster; -1 holds the samples without a normalized tag.',
    label = 'The (at most) three tags nearest the centroid.',
    n_tags = 'Number of distinct normalized tags.',
    n_samples = 'Number of samples that have a tag in the cluster.'
  ),
  grain cluster_id,
  audits (
    UNIQUE_VALUES(columns := (
      cluster_id
    )),
    NOT_NULL(columns := (label, n_tags, n_samples))
  ),
  tags (
    clustering
  )
);

WITH ranked_tags AS (
  SELECT
    cluster_id,
    normalized_tag,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY distance_to_centroid, normalized_tag) AS tag_rank
  FROM tacos.tag_clusters
), labels AS (
  SELECT
    cluster_id,
    MAX(CASE WHEN tag_rank = 1 THEN normalized_tag END) || COALESCE(', ' || MAX(CASE WHEN tag_rank = 2 THEN normalized_tag END), '') || COALESCE(', ' || MAX(CASE WHEN tag_rank = 3 THEN normalized_tag END), '') AS label,
    COUNT(*) AS n_tags
  FROM ranked_tags
  GROUP BY
    cluster_id
), sizes AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_samples
  FROM tacos.clusters
  GROUP BY
    cluster_id
)
SELECT
  sizes.cluster_id::INT AS cluster_id,
  COALESCE(labels.label, 'untagged')::TEXT AS label,
  COALESCE(labels.n_tags, 0)::BIGINT AS n_tags,
  sizes.n_samples::BIGINT AS n_samples
FROM sizes
LEFT JOIN labels
  ON labels.cluster_id = sizes.cluster_id