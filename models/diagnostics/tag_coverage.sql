MODEL (
  name tacos.tag_coverage,
  kind FULL,
  description 'One row per number of tags: what the n commonest normalized tags cover (top_tags), and how many samples carry at least n (tags_per_sample).',
  column_descriptions (
    measure = 'top_tags: the n commonest tags, n of 1, 2, 5, 10, 20, 50 and so on, and all; tags_per_sample: at least n tags of one sample, from 0.',
    n_tags = 'The number of tags n.',
    n_samples = 'Samples with one of the n commonest tags; samples with at least n tags.',
    sample_share = 'Share of all samples that they are, 0 to 1.',
    n_occurrences = 'Rows of normalized_tags of these tags, or of these samples.',
    occurrence_share = 'Share of all rows of normalized_tags that they are, 0 to 1.',
    n_kept_tags = 'Those of the n commonest tags that a kept sample carries; NULL for tags_per_sample.',
    kept_tag_share = 'Share of the n tags that they are, 0 to 1: how much of the variety the selection keeps.'
  ),
  grain (measure, n_tags),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (measure, n_tags)),
    NOT_NULL(columns := (measure, n_tags, n_samples, n_occurrences)),
    COVERAGE_ENDS_WITH_ALL_TAGS
  ),
  tags (
    diagnostics
  )
);

WITH ranks AS (
  SELECT
    tag_rank,
    n_samples,
    n_occurrences,
    n_kept_tags,
    MAX(tag_rank) OVER () AS last_rank
  FROM tacos_internal.tag_ranks
), coverage AS (
  SELECT
    'top_tags' AS measure,
    tag_rank AS n_tags,
    n_samples,
    n_occurrences,
    n_kept_tags
  FROM ranks
  WHERE
    tag_rank IN (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
    OR tag_rank = last_rank
  UNION ALL
  SELECT
    'tags_per_sample' AS measure,
    n_tags,
    n_samples,
    n_occurrences,
    NULL AS n_kept_tags
  FROM tacos_internal.tag_depths
)
SELECT
  coverage.measure::TEXT AS measure,
  coverage.n_tags::BIGINT AS n_tags,
  coverage.n_samples::BIGINT AS n_samples,
  (
    coverage.n_samples / NULLIF(thresholds.n_samples, 0)
  )::DOUBLE AS sample_share,
  coverage.n_occurrences::BIGINT AS n_occurrences,
  (
    coverage.n_occurrences / NULLIF(MAX(coverage.n_occurrences) OVER (), 0)
  )::DOUBLE AS occurrence_share,
  coverage.n_kept_tags::BIGINT AS n_kept_tags,
  (
    coverage.n_kept_tags / coverage.n_tags
  )::DOUBLE AS kept_tag_share
FROM coverage
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds