MODEL (
  name tacos_internal.tag_rules,
  kind FULL,
  description 'One row per raw tag: what the rules made of it, before anything is counted.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    is_common = 'Whether this very spelling is on enough samples; always true unless frequency_filter is before_rules.',
    cleaned_tag = 'The tag after the text rules; NULL if nothing is left.',
    stemmed_tag = 'The stems of its words, the key that its spellings have in common; NULL if nothing is left.',
    canonical_tag = 'The readable spelling of its group: the approved one, else the most frequent; NULL if nothing is left.',
    rule = 'The rules that changed it, in their order, as a list with commas; empty if none did.'
  ),
  grain raw_tag,
  audits (
    UNIQUE_VALUES(columns := (
      raw_tag
    )),
    NOT_NULL(columns := (raw_tag, rule)),
    EVERY_RAW_TAG_HAS_ITS_RULES,
    NO_RULE_MAKES_AN_EMPTY_TAG
  ),
  depends_on (
    tacos.raw_tags
  ),
  tags (
    normalization
  )
);

WITH grouped AS (
  SELECT
    spellings.text AS raw_tag,
    spellings.n_occurrences,
    spellings.is_common,
    spellings.cleaned_tag,
    spellings.rules,
    groups.stemmed_tag,
    groups.canonical_tag,
    CASE
      WHEN spellings.cleaned_tag IS NULL OR groups.canonical_tag = spellings.cleaned_tag
      THEN NULL
      WHEN REPLACE(REPLACE(groups.canonical_tag, ' ', ''), '.', '') = REPLACE(REPLACE(spellings.cleaned_tag, ' ', ''), '.', '')
      THEN 'word_breaks'
      ELSE 'stemming'
    END AS group_rule
  FROM tacos_internal.tag_spellings AS spellings
  LEFT JOIN tacos_internal.tag_groups AS groups
    ON groups.cleaned_tag = spellings.cleaned_tag
  WHERE
    spellings.n_occurrences > 0
)
SELECT
  raw_tag::TEXT AS raw_tag,
  n_occurrences::BIGINT AS n_occurrences,
  is_common::BOOLEAN AS is_common,
  cleaned_tag::TEXT AS cleaned_tag,
  stemmed_tag::TEXT AS stemmed_tag,
  canonical_tag::TEXT AS canonical_tag,
  ARRAY_TO_STRING(LIST_FILTER([NULLIF(rules, ''), group_rule], rule -> NOT rule IS NULL), ', ')::TEXT AS rule
FROM grouped