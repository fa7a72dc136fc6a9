MODEL (
  name tacos_internal.sample_copies,
  kind FULL,
  description 'One row per usable record: the sample that it is a copy of, and whether the sample is left out by sample_limit.',
  column_descriptions (
    record_id = 'The record.',
    source_file = 'File of the record.',
    sample_id = 'md5 of the instruction, the response and the system prompt, if there is one, with white space collapsed.',
    copy_rank = '1: the record that stands for the sample, the earliest, then the first by file and number; 2 and on: its copies.',
    is_left_out = 'Whether sample_limit leaves the sample out: it takes those with the lowest sample_id, which is a hash.'
  ),
  grain record_id,
  audits (
    UNIQUE_VALUES(columns := (
      record_id
    )),
    NOT_NULL(columns := (source_file, sample_id, copy_rank, is_left_out))
  ),
  tags (
    source
  )
);

WITH records AS (
  SELECT
    record_id,
    source_file,
    record_no,
    ingested_at,
    MD5(
      @CANONICAL_TEXT(instruction) || CHR(10) || @CANONICAL_TEXT(response) || COALESCE(CHR(10) || @CANONICAL_TEXT(system_prompt), '')
    ) AS sample_id
  FROM tacos.source_records
  WHERE
    error IS NULL
)
SELECT
  record_id::TEXT AS record_id,
  source_file::TEXT AS source_file,
  sample_id::TEXT AS sample_id,
  (
    ROW_NUMBER() OVER (PARTITION BY sample_id ORDER BY ingested_at, source_file, record_no)
  )::BIGINT AS copy_rank,
  @IS_BEYOND_LIMIT(DENSE_RANK() OVER (ORDER BY sample_id), @VAR('sample_limit'))::BOOLEAN AS is_left_out
FROM records