MODEL (
  name tacos_internal.tag_chains,
  kind EMBEDDED,
  description 'One row per raw tag: what rules and aliases made of it, and the way there; computed inside its readers.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    is_common = 'Whether this very spelling is on enough samples; always true unless frequency_filter is before_rules.',
    ruled_tag = 'The tag after the rules; NULL if nothing is left.',
    canonical_tag = 'The tag after rules and aliases; NULL if nothing is left.',
    is_alias = 'Whether an alias replaced it.',
    chain = 'The way there, to be read.'
  ),
  grain raw_tag,
  tags (
    normalization
  )
);

SELECT
  rules.raw_tag::TEXT AS raw_tag,
  rules.n_occurrences::BIGINT AS n_occurrences,
  rules.is_common::BOOLEAN AS is_common,
  rules.canonical_tag::TEXT AS ruled_tag,
  COALESCE(aliases.merged_into, rules.canonical_tag)::TEXT AS canonical_tag,
  (
    NOT aliases.merged_into IS NULL
  )::BOOLEAN AS is_alias,
  (
    rules.raw_tag || CASE
      WHEN rules.cleaned_tag <> rules.raw_tag
      THEN ' -> ' || rules.cleaned_tag
      ELSE ''
    END || CASE
      WHEN rules.canonical_tag <> rules.cleaned_tag
      THEN ' -> ' || rules.canonical_tag
      ELSE ''
    END || CASE WHEN rules.rule <> '' THEN ' (' || rules.rule || ')' ELSE '' END || CASE
      WHEN NOT aliases.merged_into IS NULL
      THEN ' -> ' || aliases.merged_into || ' (alias)'
      ELSE ''
    END
  )::TEXT AS chain
FROM tacos_internal.tag_rules AS rules
LEFT JOIN tacos_internal.tag_alias_targets AS aliases
  ON aliases.canonical_tag = rules.canonical_tag