MODEL (
  name tacos_internal.tag_steps,
  kind EMBEDDED,
  description 'One row per raw tag and step of normalization: the tag that it is then, and whether it is left; computed inside its readers.',
  column_descriptions (
    step_no = 'Order of the steps, 1 are the raw tags.',
    step = 'The step.',
    raw_tag = 'The tag as written by the model.',
    n_occurrences = 'How often it was written.',
    tag = 'The tag that it is after the step; NULL if it was dropped, or merged into another one by association.',
    is_left = '1 if it has not been dropped, else 0.'
  ),
  grain (step_no, raw_tag),
  tags (
    diagnostics
  )
);

/* Text that is blank after a rule, and nothing at the end, is dropped by the first rule that leaves nothing of it. */
WITH steps AS (
  SELECT
    steps.step_no,
    steps.step,
    journeys.raw_tag,
    journeys.n_occurrences,
    journeys.is_common,
    journeys.cleaned_tag,
    journeys.normalized_tag,
    CASE
      WHEN steps.step = 'raw' OR (
        steps.step = 'frequency' AND steps.step_no = 2
      )
      THEN journeys.raw_tag
      WHEN steps.step = 'unicode'
      THEN journeys.after_unicode
      WHEN steps.step = 'camel_case'
      THEN journeys.after_camel_case
      WHEN steps.step = 'letter_case'
      THEN journeys.after_letter_case
      WHEN steps.step = 'separators'
      THEN journeys.after_separators
      WHEN steps.step = 'punctuation'
      THEN journeys.after_punctuation
      WHEN steps.step = 'white_space'
      THEN journeys.after_white_space
      WHEN steps.step = 'leading_words'
      THEN journeys.cleaned_tag
      WHEN steps.step = 'word_breaks'
      THEN journeys.whole_tag
      WHEN steps.step = 'stemming'
      THEN journeys.canonical_tag
      WHEN steps.step = 'association'
      THEN journeys.unmerged_tag
      WHEN steps.step = 'similarity'
      THEN journeys.normalized_tag
      ELSE journeys.alias_tag
    END AS tag
  FROM tacos_internal.normalization_steps AS steps
  CROSS JOIN tacos_internal.tag_journeys AS journeys
), left_tags AS (
  SELECT
    step_no,
    step,
    raw_tag,
    n_occurrences,
    tag,
    CASE
      WHEN step = 'raw'
      THEN TRUE
      WHEN NOT is_common
      THEN FALSE
      WHEN step_no >= 12 AND step IN ('frequency', 'association', 'similarity')
      THEN NOT normalized_tag IS NULL
      ELSE NOT cleaned_tag IS NULL OR TRIM(COALESCE(tag, '')) <> ''
    END AS is_left
  FROM steps
)
SELECT
  step_no::INT AS step_no,
  step::TEXT AS step,
  raw_tag::TEXT AS raw_tag,
  n_occurrences::BIGINT AS n_occurrences,
  CASE WHEN is_left THEN tag END::TEXT AS tag,
  CASE WHEN is_left THEN 1 ELSE 0 END::INT AS is_left
FROM left_tags