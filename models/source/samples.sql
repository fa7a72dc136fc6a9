MODEL (
  name tacos.samples,
  kind FULL,
  description 'One row per distinct sample: usable records with the same instruction, response and system prompt, apart from white space, are one.',
  column_descriptions (
    sample_id = 'md5 of the instruction, the response and, if there is one, the system prompt, with white space collapsed.',
    record_id = 'The record that stands for the sample: the earliest, then the first by file and number.',
    instruction = 'What the user asks.',
    response = 'What the assistant answers.',
    system_prompt = 'What stands above the conversation; NULL if there is none.',
    n_turns = 'Number of user turns.',
    n_duplicates = 'Copies beyond the first.',
    source_file = 'File of the record.',
    ingested_at = 'Earliest date of its records, so that it never moves when a copy comes later.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    NOT_NULL(columns := (sample_id, record_id, instruction, response, ingested_at))
  ),
  tags (
    source
  )
);

/* A file that grew was read again under its new date: the earliest date of a record counts. */
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
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY ingested_at) = 1
), ranked AS (
  SELECT
    sample_id,
    record_id,
    ingested_at,
    ROW_NUMBER() OVER (PARTITION BY sample_id ORDER BY ingested_at, source_file, record_no) AS copy_rank,
    COUNT(*) OVER (PARTITION BY sample_id) AS n_copies
  FROM records
)
SELECT
  ranked.sample_id::TEXT AS sample_id,
  ranked.record_id::TEXT AS record_id,
  source_records.instruction::TEXT AS instruction,
  source_records.response::TEXT AS response,
  source_records.system_prompt::TEXT AS system_prompt,
  source_records.n_turns::INT AS n_turns,
  (
    ranked.n_copies - 1
  )::BIGINT AS n_duplicates,
  source_records.source_file::TEXT AS source_file,
  ranked.ingested_at::DATE AS ingested_at
FROM ranked
INNER JOIN tacos.source_records AS source_records
  ON source_records.record_id = ranked.record_id
  AND source_records.ingested_at = ranked.ingested_at
WHERE
  ranked.copy_rank = 1