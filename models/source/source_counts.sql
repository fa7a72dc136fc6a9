MODEL (
  name tacos.source_counts,
  kind FULL,
  description 'One row per input file: how many records it has, and how many of them became samples, duplicates or rejected records.',
  column_descriptions (
    source_file = 'File, relative to the dataset''s folder.',
    n_records_in_file = 'Records counted in the file by a pass of its own; NULL if the file is gone.',
    n_records = 'Distinct records read from it.',
    n_samples = 'Samples it is the first source of.',
    n_duplicates = 'Usable records that repeat an earlier record of any file.',
    n_rejected = 'Records that cannot be used.'
  ),
  grain source_file,
  audits (
    UNIQUE_VALUES(columns := (
      source_file
    )),
    NOT_NULL(columns := (n_records, n_samples, n_duplicates, n_rejected)),
    EVERY_RECORD_IN_THE_FILES_WAS_READ,
    RECORDS_ARE_SAMPLES_DUPLICATES_OR_REJECTED
  ),
  tags (
    source
  )
);

WITH records AS (
  SELECT
    source_file,
    COUNT(DISTINCT record_id) AS n_records,
    COUNT(DISTINCT record_id) FILTER(WHERE
      error IS NULL) AS n_usable
  FROM tacos.source_records
  GROUP BY
    source_file
), samples AS (
  SELECT
    source_file,
    COUNT(*) AS n_samples
  FROM tacos.samples
  GROUP BY
    source_file
), rejected AS (
  SELECT
    source_file,
    COUNT(*) AS n_rejected
  FROM tacos.rejected_records
  GROUP BY
    source_file
)
SELECT
  COALESCE(files.source_file, records.source_file)::TEXT AS source_file,
  files.n_records::BIGINT AS n_records_in_file,
  COALESCE(records.n_records, 0)::BIGINT AS n_records,
  COALESCE(samples.n_samples, 0)::BIGINT AS n_samples,
  (
    COALESCE(records.n_usable, 0) - COALESCE(samples.n_samples, 0)
  )::BIGINT AS n_duplicates,
  COALESCE(rejected.n_rejected, 0)::BIGINT AS n_rejected
FROM tacos_internal.dataset_files AS files
FULL JOIN records
  ON records.source_file = files.source_file
LEFT JOIN samples
  ON samples.source_file = records.source_file
LEFT JOIN rejected
  ON rejected.source_file = records.source_file