MODEL (
  name tacos_internal.whole_stems,
  kind EMBEDDED,
  description 'One row per whole tag: the stems of its words, joined by spaces.',
  column_descriptions (
    whole_tag = 'A spelling that stands for those that differ in word breaks only.',
    stemmed_tag = 'The stems of its words: by the exceptions, else by the stemmer, else the word itself.'
  ),
  grain whole_tag,
  tags (
    normalization
  )
);

WITH exceptions AS (
  SELECT
    word,
    stem
  FROM tacos_internal.stem_exceptions
  WHERE
    language = @VAR('stemming_language')
), numbered AS (
  SELECT
    whole_tag,
    UNNEST(
      LIST_TRANSFORM(
        STR_SPLIT(whole_tag, ' '),
        (word, word_position) -> {'word_position': word_position, 'word': word}
      )
    ) AS part
  FROM tacos_internal.tag_wholes
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
)
SELECT
  whole_tag::TEXT AS whole_tag,
  stemmed_tag::TEXT AS stemmed_tag
FROM stems