MODEL (
  name tacos_internal.tag_granularity,
  kind EMBEDDED,
  description 'One row: how fine the tags are, raw and normalized; computed inside its reader.',
  column_descriptions (
    n_raw_tags = 'Distinct raw tags.',
    n_normalized_tags = 'Distinct normalized tags.',
    raw_tag_entropy = 'Entropy of the raw tags in bits; NULL without any.',
    normalized_tag_entropy = 'Entropy of the normalized tags in bits; NULL without any.',
    single_use_share = 'Share of the distinct raw tags that were written once, 0 to 1.',
    commonest_tag_share = 'Share of the samples with the commonest normalized tag, 0 to 1; NULL without any.',
    too_common_tags = 'Normalized tags on more than max_tag_share of the samples; NULL without any tag.'
  ),
  grain n_raw_tags,
  tags (
    diagnostics
  )
);

WITH written AS (
  SELECT
    COUNT(*) AS n_raw_tags,
    COUNT_IF(n_occurrences = 1) AS n_single,
    @ENTROPY(n_occurrences) AS entropy
  FROM tacos.tag_map
), shares AS (
  SELECT
    tags.normalized_tag,
    COUNT(*) AS n_samples,
    @ROUNDED(COUNT(*) / NULLIF(MAX(thresholds.n_samples), 0), 6) AS sample_share
  FROM tacos.normalized_tags AS tags
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  GROUP BY
    tags.normalized_tag
), normalized AS (
  SELECT
    COUNT(*) AS n_normalized_tags,
    MAX(sample_share) AS commonest_tag_share,
    SUM(
      CASE
        WHEN sample_share > @DIAGNOSTIC_LIMIT(max_tag_share, @max_tag_share)
        THEN 1
        ELSE 0
      END
    ) AS too_common_tags,
    @ENTROPY(n_samples) AS entropy
  FROM shares
)
SELECT
  written.n_raw_tags::BIGINT AS n_raw_tags,
  normalized.n_normalized_tags::BIGINT AS n_normalized_tags,
  written.entropy::DOUBLE AS raw_tag_entropy,
  normalized.entropy::DOUBLE AS normalized_tag_entropy,
  (
    written.n_single / NULLIF(written.n_raw_tags, 0)
  )::DOUBLE AS single_use_share,
  normalized.commonest_tag_share::DOUBLE AS commonest_tag_share,
  normalized.too_common_tags::BIGINT AS too_common_tags
FROM written
CROSS JOIN normalized