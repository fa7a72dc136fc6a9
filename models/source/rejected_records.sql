MODEL (
  name tacos.rejected_records,
  kind FULL,
  description 'One row per input record that cannot be used, with the reason.',
  column_descriptions (
    record_id = 'md5 of file, record number and content.',
    source_file = 'File, relative to the dataset''s folder.',
    record_no = 'Number of the record in its file, from 1.',
    reason = 'Why it cannot be used.',
    raw_record = 'The record as read, at most its first 10,000 characters.'
  ),
  grain record_id,
  audits (
    UNIQUE_VALUES(columns := (
      record_id
    )),
    NOT_NULL(columns := (record_id, source_file, record_no, reason))
  ),
  tags (
    source
  )
);

SELECT
  record_id::TEXT AS record_id,
  source_file::TEXT AS source_file,
  record_no::BIGINT AS record_no,
  error::TEXT AS reason,
  SUBSTRING(conversation, 1, 10000)::TEXT AS raw_record
FROM tacos.source_records
WHERE
  NOT error IS NULL