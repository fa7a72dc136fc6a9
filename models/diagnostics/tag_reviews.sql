MODEL (
  name tacos_internal.tag_reviews,
  kind SEED (
    path '$root/seeds/tag_reviews.csv'
  ),
  description 'One row per sample and tag that a person judged, as tacos review brought it in.',
  columns (
    review_id TEXT,
    sample_id TEXT,
    tag TEXT,
    is_right BOOLEAN
  ),
  column_descriptions (
    review_id = 'What is judged: r and 16 digits of a hash of sample and tag.',
    sample_id = 'The sample.',
    tag = 'The tag, raw or normalized, for people to read: an apostrophe stands before what a spreadsheet would compute.',
    is_right = 'Whether the tag fits the instruction of the sample.'
  ),
  grain review_id,
  audits (
    UNIQUE_VALUES(columns := (
      review_id
    )),
    NOT_NULL(columns := (review_id, sample_id, is_right))
  ),
  tags (
    diagnostics
  )
)