MODEL (
  name tacos_internal.tag_review_sample,
  kind FULL,
  description 'One row per sample and raw tag to be judged by a person: of review_sample_size tagged samples, those of the lowest hash.',
  column_descriptions (
    sample_id = 'The sample.',
    tag_position = 'Position of the tag in the reply, from 1.',
    instruction = 'What the tagging model was asked to tag.',
    raw_tag = 'The tag as written by the model.',
    normalized_tag = 'The tag that stands for it; NULL if it was dropped.',
    raw_id = 'Name of sample and raw tag in tag_reviews.',
    normalized_id = 'Name of sample and normalized tag there; NULL if it was dropped.'
  ),
  grain (sample_id, tag_position),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, tag_position)),
    NOT_NULL(columns := (instruction, raw_tag, raw_id))
  ),
  tags (
    diagnostics
  )
);

WITH tagged AS (
  SELECT DISTINCT
    sample_id,
    MD5(sample_id) AS sample_hash
  FROM tacos.raw_tags
), drawn AS (
  SELECT
    sample_id
  FROM tagged
  ORDER BY
    sample_hash,
    sample_id
  LIMIT @DIAGNOSTIC_LIMIT(review_sample_size, @review_sample_size)
)
SELECT
  raw_tags.sample_id::TEXT AS sample_id,
  raw_tags.tag_position::INT AS tag_position,
  samples.instruction::TEXT AS instruction,
  raw_tags.raw_tag::TEXT AS raw_tag,
  fates.normalized_tag::TEXT AS normalized_tag,
  (
    @REVIEW_ID(raw_tags.sample_id, raw_tags.raw_tag)
  )::TEXT AS raw_id,
  (
    @REVIEW_ID(raw_tags.sample_id, fates.normalized_tag)
  )::TEXT AS normalized_id
FROM drawn
INNER JOIN tacos.samples AS samples
  ON samples.sample_id = drawn.sample_id
INNER JOIN tacos.raw_tags AS raw_tags
  ON raw_tags.sample_id = drawn.sample_id
INNER JOIN tacos.tag_map AS fates
  ON fates.raw_tag = raw_tags.raw_tag