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
    ingested_at = 'Day on which the first of its records was seen: it does not move when a copy comes later.'
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

WITH chosen AS (
  SELECT
    sample_id,
    ARG_MIN(record_id, copy_rank) AS record_id,
    COUNT(*) - 1 AS n_duplicates
  FROM tacos_internal.sample_copies
  WHERE
    NOT is_left_out
  GROUP BY
    sample_id
)
SELECT
  chosen.sample_id::TEXT AS sample_id,
  chosen.record_id::TEXT AS record_id,
  source_records.instruction::TEXT AS instruction,
  source_records.response::TEXT AS response,
  source_records.system_prompt::TEXT AS system_prompt,
  source_records.n_turns::INT AS n_turns,
  chosen.n_duplicates::BIGINT AS n_duplicates,
  source_records.source_file::TEXT AS source_file,
  source_records.ingested_at::DATE AS ingested_at
FROM chosen
INNER JOIN tacos.source_records AS source_records
  ON source_records.record_id = chosen.record_id