MODEL (
  name tacos.tag_frequencies,
  kind FULL,
  description 'One row per canonical tag, aliases applied: on how many samples it is, and whether that is often enough.',
  column_descriptions (
    canonical_tag = 'The tag after rules and aliases.',
    n_samples = 'Number of distinct samples that carry it.',
    is_kept = 'Whether that reaches normalization_thresholds.min_samples; with frequency_filter before_rules, where rare spellings are gone already, always true.'
  ),
  grain canonical_tag,
  audits (
    UNIQUE_VALUES(columns := (
      canonical_tag
    )),
    NOT_NULL(columns := (canonical_tag, n_samples, is_kept)),
    FREQUENCIES_COUNT_THE_SAMPLES_OF_EVERY_TAG
  ),
  tags (
    normalization
  )
);

WITH counts AS (
  SELECT
    canonical_tag,
    COUNT(*) AS n_samples
  FROM tacos_internal.sample_tags
  GROUP BY
    canonical_tag
)
SELECT
  counts.canonical_tag::TEXT AS canonical_tag,
  counts.n_samples::BIGINT AS n_samples,
  (
    counts.n_samples >= thresholds.min_samples
    OR thresholds.frequency_filter = 'before_rules'
  )::BOOLEAN AS is_kept
FROM counts
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds