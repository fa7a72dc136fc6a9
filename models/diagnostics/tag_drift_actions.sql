MODEL (
  name tacos_internal.tag_drift_actions,
  kind FULL,
  description 'One row per way of merging: how far its merges moved the meaning of tags.',
  column_descriptions (
    action = 'What merged the tags, as in tag_map.',
    n_raw_tags = 'Number of raw tags that it merged.',
    n_measured_tags = 'Number of them whose drift was measured, the most frequent ones.',
    mean_similarity = 'Mean cosine between raw and normalized tag, over measured tags; 1 is no drift.',
    weighted_similarity = 'The same mean, weighted by how often the raw tag was written.',
    median_similarity = 'Median cosine.',
    min_similarity = 'Lowest cosine.'
  ),
  grain action,
  audits (
    UNIQUE_VALUES(columns := (
      action
    )),
    NOT_NULL(columns := (n_raw_tags, n_measured_tags))
  ),
  tags (
    diagnostics
  )
);

WITH merged AS (
  SELECT
    action,
    COUNT(*) AS n_raw_tags
  FROM tacos.tag_map
  WHERE
    STARTS_WITH(action, 'merged')
  GROUP BY
    action
), measured AS (
  SELECT
    action,
    COUNT(*) AS n_measured_tags,
    @MEAN(@MILLIONTHS(cosine_similarity)) AS mean_similarity,
    SUM(@MILLIONTHS(cosine_similarity) * n_occurrences)::DOUBLE / SUM(n_occurrences) AS weighted_similarity,
    MEDIAN(cosine_similarity) AS median_similarity,
    MIN(cosine_similarity) AS min_similarity
  FROM tacos.tag_drift
  GROUP BY
    action
)
SELECT
  merged.action::TEXT AS action,
  merged.n_raw_tags::BIGINT AS n_raw_tags,
  COALESCE(measured.n_measured_tags, 0)::BIGINT AS n_measured_tags,
  measured.mean_similarity::DOUBLE AS mean_similarity,
  measured.weighted_similarity::DOUBLE AS weighted_similarity,
  measured.median_similarity::DOUBLE AS median_similarity,
  measured.min_similarity::DOUBLE AS min_similarity
FROM merged
LEFT JOIN measured
  ON measured.action = merged.action