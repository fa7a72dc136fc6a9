MODEL (
  name tacos_internal.tag_wholes,
  kind EMBEDDED,
  description 'One row per cleaned tag: the most frequent spelling among those that differ from it in word breaks only.',
  column_descriptions (
    cleaned_tag = 'The tag after the text rules.',
    n_occurrences = 'How often it was written in any raw spelling.',
    n_sure_occurrences = 'Of these, the ones whose word breaks were not guessed from capitals.',
    is_approved = '1 if the alias file names it as a canonical tag, else 0.',
    whole_tag = 'The approved, else the most frequent spelling among those that differ in word breaks only.'
  ),
  grain cleaned_tag,
  tags (
    normalization
  )
);

WITH spellings AS (
  SELECT
    cleaned_tag,
    SUM(n_occurrences) AS n_occurrences,
    SUM(CASE WHEN is_split THEN 0 ELSE n_occurrences END) AS n_sure_occurrences,
    MAX(CASE WHEN is_approved THEN 1 ELSE 0 END) AS is_approved
  FROM tacos_internal.tag_spellings
  WHERE
    NOT cleaned_tag IS NULL
  GROUP BY
    cleaned_tag
), exceptions AS (
  SELECT
    word,
    stem
  FROM tacos_internal.stem_exceptions
  WHERE
    language = @VAR('stemming_language')
), glued AS (
  SELECT
    spellings.cleaned_tag,
    spellings.n_occurrences,
    spellings.n_sure_occurrences,
    spellings.is_approved,
    NOT exceptions.word IS NULL AS is_exception,
    @IF(@VAR('rule_word_breaks'), @GLUE_WORDS(spellings.cleaned_tag), spellings.cleaned_tag) AS glued_tag
  FROM spellings
  LEFT JOIN exceptions
    ON exceptions.word = spellings.cleaned_tag
), keyed AS (
  SELECT
    cleaned_tag,
    n_occurrences,
    n_sure_occurrences,
    is_approved,
    @IF(
      @VAR('rule_word_breaks') AND @VAR('rule_stemming'),
      CASE WHEN is_exception THEN glued_tag ELSE @DROP_PLURAL_S(glued_tag) END,
      glued_tag
    ) AS whole_key
  FROM glued
), unbroken AS (
  SELECT
    cleaned_tag,
    n_occurrences,
    n_sure_occurrences,
    is_approved,
    FIRST_VALUE(cleaned_tag) OVER (
      PARTITION BY whole_key
      ORDER BY is_approved DESC, n_sure_occurrences DESC, n_occurrences DESC, cleaned_tag
    ) AS whole_tag
  FROM keyed
)
SELECT
  cleaned_tag::TEXT AS cleaned_tag,
  n_occurrences::BIGINT AS n_occurrences,
  n_sure_occurrences::BIGINT AS n_sure_occurrences,
  is_approved::INT AS is_approved,
  whole_tag::TEXT AS whole_tag
FROM unbroken