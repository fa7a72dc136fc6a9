MODEL (
  name tacos_internal.tag_journeys,
  kind EMBEDDED,
  description 'One row per raw tag: which steps of normalization it survives, and as which tag; computed inside its readers.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    cleaned_tag = 'After the text rules.',
    canonical_tag = 'After stemming and word breaks.',
    alias_tag = 'After aliases.',
    normalized_tag = 'At the end; NULL if it was dropped.',
    has_text = '1 if the text rules leave something of it, and its spelling was not dropped before them.',
    is_frequent = '1 if it survives the frequency filter.',
    is_normalized = '1 if it is left at the end.',
    counted_tag = 'The tag whose samples the frequency filter counts.'
  ),
  grain raw_tag,
  tags (
    diagnostics
  )
);

SELECT
  rules.raw_tag::TEXT AS raw_tag,
  rules.n_occurrences::BIGINT AS n_occurrences,
  rules.cleaned_tag::TEXT AS cleaned_tag,
  rules.canonical_tag::TEXT AS canonical_tag,
  COALESCE(aliases.merged_into, rules.canonical_tag)::TEXT AS alias_tag,
  fates.normalized_tag::TEXT AS normalized_tag,
  CASE WHEN rules.is_common AND NOT rules.cleaned_tag IS NULL THEN 1 ELSE 0 END::INT AS has_text,
  CASE
    WHEN thresholds.frequency_filter = 'before_rules' AND rules.is_common
    THEN 1
    WHEN thresholds.frequency_filter = 'after_rules' AND NOT fates.normalized_tag IS NULL
    THEN 1
    ELSE 0
  END::INT AS is_frequent,
  CASE WHEN fates.normalized_tag IS NULL THEN 0 ELSE 1 END::INT AS is_normalized,
  CASE
    WHEN thresholds.frequency_filter = 'before_rules'
    THEN rules.raw_tag
    ELSE COALESCE(aliases.merged_into, rules.canonical_tag)
  END::TEXT AS counted_tag
FROM tacos_internal.tag_rules AS rules
INNER JOIN tacos.tag_map AS fates
  ON fates.raw_tag = rules.raw_tag
LEFT JOIN tacos_internal.tag_alias_targets AS aliases
  ON aliases.canonical_tag = rules.canonical_tag
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds