MODEL (
  name tacos.cluster_labels,
  kind FULL,
  description 'One row per cluster: what it is about, and how large it is.',
  column_descriptions (
    cluster_id = 'The cluster; -1 holds the samples without a tag.',
    label = 'The (at most) three tags that tell it from the others: more frequent inside than outside, and near its centroid.',
    n_tags = 'Number of distinct normalized tags that are nearest to it.',
    n_samples = 'Number of samples that belong to it.'
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

WITH sizes AS (
  SELECT
    cluster_id,
    COUNT(*) FILTER(WHERE
      is_primary) AS n_samples
  FROM tacos.clusters
  GROUP BY
    cluster_id
), vocabularies AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_tags
  FROM tacos.tag_clusters
  GROUP BY
    cluster_id
), labels AS (
  SELECT
    cluster_id,
    MAX(CASE WHEN tag_rank = 1 THEN tag END) || COALESCE(', ' || MAX(CASE WHEN tag_rank = 2 THEN tag END), '') || COALESCE(', ' || MAX(CASE WHEN tag_rank = 3 THEN tag END), '') AS label
  FROM tacos_internal.cluster_words
  GROUP BY
    cluster_id
)
SELECT
  sizes.cluster_id::INT AS cluster_id,
  COALESCE(labels.label, 'untagged')::TEXT AS label,
  COALESCE(vocabularies.n_tags, 0)::BIGINT AS n_tags,
  sizes.n_samples::BIGINT AS n_samples
FROM sizes
LEFT JOIN vocabularies
  ON vocabularies.cluster_id = sizes.cluster_id
LEFT JOIN labels
  ON labels.cluster_id = sizes.cluster_id