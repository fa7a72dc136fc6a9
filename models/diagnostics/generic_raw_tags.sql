MODEL (
  name tacos_internal.generic_raw_tags,
  kind EMBEDDED,
  description 'One row per raw tag: whether it is on the list of tags that fit every sample, or on too many samples; computed inside its readers.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    is_listed = 'Whether a spelling of it is in seeds/generic_tags.csv.',
    is_too_common = 'Whether its normalized tag is on more than max_tag_share of the samples.'
  ),
  grain raw_tag,
  tags (
    diagnostics
  )
);

WITH listed AS (
  SELECT DISTINCT
    groups.canonical_tag
  FROM tacos_internal.tag_groups AS groups
  INNER JOIN tacos_internal.generic_tags AS generic
    ON generic.tag = groups.cleaned_tag
), shares AS (
  SELECT
    tags.normalized_tag,
    @ROUNDED(COUNT(*) / MAX(thresholds.n_samples), 6) AS sample_share
  FROM tacos.normalized_tags AS tags
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  GROUP BY
    tags.normalized_tag
)
SELECT
  rules.raw_tag::TEXT AS raw_tag,
  rules.n_occurrences::BIGINT AS n_occurrences,
  (
    NOT listed.canonical_tag IS NULL
  )::BOOLEAN AS is_listed,
  COALESCE(shares.sample_share > @DIAGNOSTIC_LIMIT(max_tag_share, @max_tag_share), FALSE)::BOOLEAN AS is_too_common
FROM tacos_internal.tag_rules AS rules
INNER JOIN tacos.tag_map AS fates
  ON fates.raw_tag = rules.raw_tag
LEFT JOIN listed
  ON listed.canonical_tag = rules.canonical_tag
LEFT JOIN shares
  ON shares.normalized_tag = fates.normalized_tag