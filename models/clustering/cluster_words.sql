MODEL (
  name tacos_internal.cluster_words,
  kind FULL,
  description 'One row per cluster and tag of its samples: how well the tag tells the cluster from the others.',
  column_descriptions (
    cluster_id = 'The cluster.',
    tag = 'The tag, a normalized one, or a rare one of samples that have no other.',
    n_inside = 'Samples of the cluster that carry it.',
    n_samples = 'Samples that carry it, wherever they are.',
    distinctness = 'Samples that carry it beyond those that the size of the cluster lets expect, divided by the square root of that number and 1, times the cosine to the centroid.',
    tag_rank = 'Order in the cluster, 1 tells most; ties by alphabet.'
  ),
  grain (cluster_id, tag),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, tag)),
    NOT_NULL(columns := (n_inside, n_samples, distinctness, tag_rank))
  ),
  tags (
    clustering
  )
);

WITH members AS (
  SELECT
    sample_id,
    cluster_id
  FROM tacos.clusters
  WHERE
    is_primary AND cluster_id >= 0
), sizes AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_members,
    SUM(COUNT(*)) OVER () AS n_all
  FROM members
  GROUP BY
    cluster_id
), counts AS (
  SELECT
    members.cluster_id,
    tags.tag,
    COUNT(*) AS n_inside
  FROM members
  INNER JOIN tacos_internal.placement_tags AS tags
    ON tags.sample_id = members.sample_id
  GROUP BY
    members.cluster_id,
    tags.tag
), compared AS (
  SELECT
    counts.cluster_id,
    counts.tag,
    counts.n_inside,
    vocabulary.n_samples,
    vocabulary.n_samples::DOUBLE * sizes.n_members / sizes.n_all AS n_expected,
    dots.dot / SQRT(centroids.squared_norm) AS cosine
  FROM counts
  INNER JOIN sizes
    ON sizes.cluster_id = counts.cluster_id
  INNER JOIN tacos_internal.tag_embeddings AS vocabulary
    ON vocabulary.tag = counts.tag
  INNER JOIN tacos_internal.tag_cluster_dots AS dots
    ON dots.tag = counts.tag AND dots.cluster_id = counts.cluster_id
  INNER JOIN tacos_internal.cluster_centroids AS centroids
    ON centroids.cluster_id = counts.cluster_id
), weighed AS (
  SELECT
    cluster_id,
    tag,
    n_inside,
    n_samples,
    @ROUNDED((
      n_inside - n_expected
    ) / SQRT(n_expected + 1) * cosine, 6) AS distinctness
  FROM compared
)
SELECT
  cluster_id::INT AS cluster_id,
  tag::TEXT AS tag,
  n_inside::BIGINT AS n_inside,
  n_samples::BIGINT AS n_samples,
  distinctness::DOUBLE AS distinctness,
  ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY distinctness DESC, tag)::INT AS tag_rank
FROM weighed