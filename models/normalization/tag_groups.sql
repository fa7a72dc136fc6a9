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
), numbered AS (
  SELECT
    whole_tag,
    UNNEST(
      LIST_TRANSFORM(
        STR_SPLIT(whole_tag, ' '),
        (word, word_position) -> {'word_position': word_position, 'word': word}
      )
    ) AS part
  FROM unbroken
  WHERE
    whole_tag = cleaned_tag
), words AS (
  SELECT
    whole_tag,
    part.word AS word,
    part.word_position AS word_position
  FROM numbered
), stems AS (
  SELECT
    words.whole_tag,
    ARRAY_TO_STRING(
      LIST_TRANSFORM(
        LIST_SORT(
          ARRAY_AGG(
            {'word_position': words.word_position, 'stem': @IF(
              @VAR('rule_stemming'),
              COALESCE(exceptions.stem, tag_stems.stem, words.word),
              words.word
            )}
          )
        ),
        part -> part.stem
      ),
      ' '
    ) AS stemmed_tag
  FROM words
  LEFT JOIN exceptions
    ON exceptions.word = words.word
  LEFT JOIN tacos_internal.tag_stems AS tag_stems
    ON tag_stems.word = words.word
  GROUP BY
    words.whole_tag
), stemmed AS (
  SELECT
    unbroken.cleaned_tag,
    unbroken.n_occurrences,
    unbroken.n_sure_occurrences,
    unbroken.is_approved,
    unbroken.whole_tag,
    stems.stemmed_tag,
    @IF(@VAR('rule_word_breaks'), @GLUE_WORDS(stems.stemmed_tag), stems.stemmed_tag) AS group_key
  FROM unbroken
  INNER JOIN stems
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