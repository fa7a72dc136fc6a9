MODEL (
  name tacos_internal.tag_groups,
  kind FULL,
  description 'One row per cleaned tag: the spellings that mean the same, and the one that stands for them all.',
  column_descriptions (
    cleaned_tag = 'The tag after the text rules.',
    n_occurrences = 'How often it was written in any raw spelling.',
    whole_tag = 'The most frequent spelling among those that differ in word breaks only.',
    stemmed_tag = 'The stems of the words of whole_tag.',
    canonical_tag = 'The readable spelling of the group: the approved one, else the most frequent.',
    n_group_occurrences = 'How often any spelling of the group was written.'
  ),
  grain cleaned_tag,
  audits (
    UNIQUE_VALUES(columns := (
      cleaned_tag
    )),
    NOT_NULL(columns := (whole_tag, stemmed_tag, canonical_tag, n_group_occurrences))
  ),
  tags (
    normalization
  )
);

WITH stemmed AS (
  SELECT
    unbroken.cleaned_tag,
    unbroken.n_occurrences,
    unbroken.n_sure_occurrences,
    unbroken.is_approved,
    unbroken.whole_tag,
    stems.stemmed_tag,
    @IF(@VAR('rule_word_breaks'), @GLUE_WORDS(stems.stemmed_tag), stems.stemmed_tag) AS group_key
  FROM tacos_internal.tag_wholes AS unbroken
  INNER JOIN tacos_internal.whole_stems AS stems
    ON stems.whole_tag = unbroken.whole_tag
)
SELECT
  cleaned_tag::TEXT AS cleaned_tag,
  n_occurrences::BIGINT AS n_occurrences,
  whole_tag::TEXT AS whole_tag,
  stemmed_tag::TEXT AS stemmed_tag,
  FIRST_VALUE(cleaned_tag) OVER (
    PARTITION BY group_key
    ORDER BY is_approved DESC, n_sure_occurrences DESC, n_occurrences DESC, cleaned_tag
  )::TEXT AS canonical_tag,
  SUM(n_occurrences) OVER (PARTITION BY group_key)::BIGINT AS n_group_occurrences
FROM stemmed