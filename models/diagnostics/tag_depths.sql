MODEL (
  name tacos_internal.tag_depths,
  kind EMBEDDED,
  description 'One row per number of tags that a sample has, and for 0: the samples that have at least so many; computed inside its reader.',
  column_descriptions (
    n_tags = 'Normalized tags of a sample, 0 for all samples.',
    n_samples = 'Samples with at least so many.',
    n_occurrences = 'Rows of normalized_tags of these samples.'
  ),
  grain n_tags,
  tags (
    diagnostics
  )
);

WITH depths AS (
  SELECT
    sample_id,
    COUNT(*) AS n_tags
  FROM tacos.normalized_tags
  GROUP BY
    sample_id
)
SELECT
  n_tags::BIGINT AS n_tags,
  (
    SUM(COUNT(*)) OVER (ORDER BY n_tags DESC)
  )::BIGINT AS n_samples,
  (
    SUM(SUM(n_tags)) OVER (ORDER BY n_tags DESC)
  )::BIGINT AS n_occurrences
FROM depths
GROUP BY
  n_tags
UNION ALL
SELECT
  0::BIGINT AS n_tags,
  thresholds.n_samples::BIGINT AS n_samples,
  (
    SELECT
      COUNT(*)
    FROM tacos.normalized_tags
  )::BIGINT AS n_occurrences
FROM tacos_internal.normalization_thresholds AS thresholds