MODEL (
  name tacos_internal.tag_spellings,
  kind FULL,
  description 'One row per raw tag or text of the alias file: what every text rule made of it, one after the other.',
  column_descriptions (
    text = 'The tag as written.',
    n_occurrences = 'How often it was written as a raw tag; 0 if it stands in the alias file only.',
    is_common = 'Whether this very spelling is on enough samples; always true unless frequency_filter is before_rules.',
    is_approved = 'Whether the alias file names it as a canonical tag.',
    is_split = 'Whether a word break was read from capitals, so that the spelling is a guess (JavaScript).',
    after_unicode = 'After Unicode normalization.',
    after_camel_case = 'After splitting camelCase.',
    after_letter_case = 'After changing to lower case.',
    after_separators = 'After changing separators to spaces.',
    after_punctuation = 'After removing punctuation.',
    after_white_space = 'After collapsing white space.',
    cleaned_tag = 'After removing leading words that say nothing; NULL if nothing is left.',
    rules = 'The rules that changed the tag, in their order, as a list with commas; empty if none did.'
  ),
  grain text,
  audits (
    UNIQUE_VALUES(columns := (
      text
    )),
    NOT_NULL(columns := (n_occurrences, is_split, rules))
  ),
  tags (
    normalization
  )
);

WITH texts AS (
  SELECT
    texts.text,
    texts.n_occurrences,
    texts.is_common,
    texts.is_approved,
    COALESCE(forms.normal_form, texts.text) AS after_unicode
  FROM tacos_internal.tag_texts AS texts
  LEFT JOIN tacos_internal.tag_unicode_forms AS forms
    ON forms.text = texts.text
), camel_case AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    @IF(@VAR('rule_camel_case'), @SPLIT_CAMEL_CASE(after_unicode), after_unicode) AS after_camel_case
  FROM texts
), letter_case AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    after_camel_case,
    @IF(@VAR('rule_letter_case'), @LOWER_CASE(after_camel_case), after_camel_case) AS after_letter_case
  FROM camel_case
), separators AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    after_camel_case,
    after_letter_case,
    @IF(@VAR('rule_separators'), @SPACE_SEPARATORS(after_letter_case), after_letter_case) AS after_separators
  FROM letter_case
), punctuation AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    after_camel_case,
    after_letter_case,
    after_separators,
    @IF(@VAR('rule_punctuation'), @STRIP_PUNCTUATION(after_separators), after_separators) AS after_punctuation
  FROM separators
), white_space AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    after_camel_case,
    after_letter_case,
    after_separators,
    after_punctuation,
    @IF(
      @VAR('rule_white_space'),
      @COLLAPSE_WHITE_SPACE(after_punctuation),
      after_punctuation
    ) AS after_white_space
  FROM punctuation
), leading_words AS (
  SELECT
    text,
    n_occurrences,
    is_common,
    is_approved,
    after_unicode,
    after_camel_case,
    after_letter_case,
    after_separators,
    after_punctuation,
    after_white_space,
    @IF(
      @VAR('rule_leading_words'),
      @STRIP_LEADING_WORDS(after_white_space, @VAR('leading_words')),
      after_white_space
    ) AS cleaned_tag
  FROM white_space
)
SELECT
  text::TEXT AS text,
  n_occurrences::BIGINT AS n_occurrences,
  is_common::BOOLEAN AS is_common,
  is_approved::BOOLEAN AS is_approved,
  (
    after_camel_case <> after_unicode
  )::BOOLEAN AS is_split,
  after_unicode::TEXT AS after_unicode,
  after_camel_case::TEXT AS after_camel_case,
  after_letter_case::TEXT AS after_letter_case,
  after_separators::TEXT AS after_separators,
  after_punctuation::TEXT AS after_punctuation,
  after_white_space::TEXT AS after_white_space,
  NULLIF(cleaned_tag, '')::TEXT AS cleaned_tag,
  ARRAY_TO_STRING(
    LIST_FILTER(
      [
        CASE WHEN after_unicode <> text THEN 'unicode' END,
        CASE WHEN after_camel_case <> after_unicode THEN 'camel_case' END,
        CASE WHEN after_letter_case <> after_camel_case THEN 'letter_case' END,
        CASE WHEN after_separators <> after_letter_case THEN 'separators' END,
        CASE WHEN after_punctuation <> after_separators THEN 'punctuation' END,
        CASE WHEN after_white_space <> after_punctuation THEN 'white_space' END,
        CASE WHEN cleaned_tag <> after_white_space THEN 'leading_words' END
      ],
      rule -> NOT rule IS NULL
    ),
    ', '
  )::TEXT AS rules
FROM leading_words