MODEL (
  name tacos_internal.tag_journeys,
  kind EMBEDDED,
  description 'One row per raw tag: what it is after every rule of normalization; computed inside its readers.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    is_common = 'Whether its spelling passes the frequency filter before the rules; true where that comes after them.',
    after_unicode = 'After Unicode normalization.',
    after_camel_case = 'After splitting camelCase.',
    after_letter_case = 'After changing to lower case.',
    after_separators = 'After changing separators to spaces.',
    after_punctuation = 'After removing punctuation.',
    after_white_space = 'After collapsing white space.',
    cleaned_tag = 'After removing leading words; NULL if nothing is left of it.',
    whole_tag = 'After joining spellings that differ in word breaks alone; a plural that is joined with them counts for stemming, as in tag_rules.',
    canonical_tag = 'After stemming.',
    alias_tag = 'After aliases.',
    unmerged_tag = 'The same; NULL if association merges it into another tag.',
    normalized_tag = 'At the end; NULL if it was dropped.'
  ),
  grain raw_tag,
  tags (
    diagnostics
  )
);

WITH ruled AS (
  SELECT
    rules.raw_tag,
    rules.n_occurrences,
    rules.is_common,
    rules.cleaned_tag,
    rules.canonical_tag,
    COALESCE(aliases.merged_into, rules.canonical_tag) AS alias_tag
  FROM tacos_internal.tag_rules AS rules
  LEFT JOIN tacos_internal.tag_alias_targets AS aliases
    ON aliases.canonical_tag = rules.canonical_tag
)
SELECT
  ruled.raw_tag::TEXT AS raw_tag,
  ruled.n_occurrences::BIGINT AS n_occurrences,
  ruled.is_common::BOOLEAN AS is_common,
  spellings.after_unicode::TEXT AS after_unicode,
  spellings.after_camel_case::TEXT AS after_camel_case,
  spellings.after_letter_case::TEXT AS after_letter_case,
  spellings.after_separators::TEXT AS after_separators,
  spellings.after_punctuation::TEXT AS after_punctuation,
  spellings.after_white_space::TEXT AS after_white_space,
  ruled.cleaned_tag::TEXT AS cleaned_tag,
  CASE
    WHEN REPLACE(REPLACE(groups.whole_tag, ' ', ''), '.', '') = REPLACE(REPLACE(ruled.cleaned_tag, ' ', ''), '.', '')
    THEN groups.whole_tag
    ELSE ruled.cleaned_tag
  END::TEXT AS whole_tag,
  ruled.canonical_tag::TEXT AS canonical_tag,
  ruled.alias_tag::TEXT AS alias_tag,
  CASE WHEN associations.antecedent IS NULL THEN ruled.alias_tag END::TEXT AS unmerged_tag,
  fates.normalized_tag::TEXT AS normalized_tag
FROM ruled
INNER JOIN tacos_internal.tag_spellings AS spellings
  ON spellings.text = ruled.raw_tag
INNER JOIN tacos.tag_map AS fates
  ON fates.raw_tag = ruled.raw_tag
LEFT JOIN tacos_internal.tag_groups AS groups
  ON groups.cleaned_tag = ruled.cleaned_tag
LEFT JOIN tacos.tag_associations AS associations
  ON associations.antecedent = ruled.alias_tag AND associations.is_merge