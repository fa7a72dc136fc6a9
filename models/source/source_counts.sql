MODEL (
  name tacos.source_counts,
  kind FULL,
  description 'One row per input file: how many records it has, and how many of them became samples, duplicates, rejected records, or were left out.',
  column_descriptions (
    source_file = 'File, relative to the dataset''s folder.',
    n_records_in_file = 'Records counted in the file by a pass of its own; NULL if the file is gone.',
    digest_in_file = 'Digest of their ids; NULL if the file is gone.',
    n_records = 'Records of the file in source_records.',
    records_digest = 'Digest of their ids: the same as that of the file, unless a record was edited.',
    n_samples = 'Samples it is the first source of.',
    n_duplicates = 'Usable records that repeat an earlier record of any file.',
    n_rejected = 'Records that cannot be used.',
    n_left_out = 'Usable records of samples beyond sample_limit, copies included; 0 without a limit.'
  ),
  depends_on (
    tacos.samples
  ),
  grain source_file,
  audits (
    UNIQUE_VALUES(columns := (
      source_file
    )),
    NOT_NULL(columns := (n_records, n_samples, n_duplicates, n_rejected, n_left_out)),
    TABLES_HOLD_THE_RECORDS_OF_THE_FILES,
    RECORDS_ARE_SAMPLES_DUPLICATES_REJECTED_OR_LEFT_OUT,
    SAMPLES_ARE_LEFT_OUT_BY_THE_LIMIT_ONLY
  ),
  tags (
    source
  )
);

WITH records AS (
  SELECT
    source_file,
    COUNT(*) AS n_records,
    @SUM_OF_IDS(record_id) AS records_digest
  FROM tacos.source_records
  GROUP BY
    source_file
), copies AS (
  SELECT
    source_file,
    COUNT(*) FILTER(WHERE
      copy_rank = 1 AND NOT is_left_out) AS n_samples,
    COUNT(*) FILTER(WHERE
      copy_rank > 1 AND NOT is_left_out) AS n_duplicates,
    COUNT(*) FILTER(WHERE
      is_left_out) AS n_left_out
  FROM tacos_internal.sample_copies
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
  files.records_digest::TEXT AS digest_in_file,
  COALESCE(records.n_records, 0)::BIGINT AS n_records,
  COALESCE(records.records_digest, '0')::TEXT AS records_digest,
  COALESCE(copies.n_samples, 0)::BIGINT AS n_samples,
  COALESCE(copies.n_duplicates, 0)::BIGINT AS n_duplicates,
  COALESCE(rejected.n_rejected, 0)::BIGINT AS n_rejected,
  COALESCE(copies.n_left_out, 0)::BIGINT AS n_left_out
FROM tacos_internal.dataset_files AS files
FULL JOIN records
  ON records.source_file = files.source_file
LEFT JOIN copies
  ON copies.source_file = records.source_file
LEFT JOIN rejected
  ON rejected.source_file = records.source_file