MODEL (
  name tacos_internal.tag_failures,
  kind FULL,
  depends_on (
    tacos.samples
  ),
  description 'One row per sample without a usable reply of the tagging model. They are asked for again, and no others, by a run within 7 days, by tacos run, and by --restate-model tacos.tag_replies.',
  column_descriptions (
    sample_id = 'The sample.',
    error_kind = 'Kind of the error, e.g. timeout, truncated, invalid_json.',
    error = 'The error in full.',
    n_attempts = 'Replies asked for.',
    raw_reply = 'The last reply as received; NULL if none came.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    NOT_NULL(columns := (
      error
    )),
    EVERY_SAMPLE_HAS_ONE_REPLY,
    EVERY_REPLY_HAS_ITS_SAMPLE
  ),
  tags (
    tagging
  )
);

SELECT
  sample_id::TEXT AS sample_id,
  SPLIT_PART(error, ':', 1)::TEXT AS error_kind,
  error::TEXT AS error,
  n_attempts::INT AS n_attempts,
  raw_reply::TEXT AS raw_reply
FROM tacos.tag_replies
WHERE
  NOT error IS NULL