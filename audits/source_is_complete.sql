AUDIT (
  name tables_hold_the_records_of_the_files
);

SELECT
  source_file
FROM @this_model
WHERE
  CASE
    WHEN n_records_in_file IS DISTINCT FROM n_records
    OR digest_in_file IS DISTINCT FROM records_digest
    THEN @FAIL(
      source_file || ' has ' || COALESCE(n_records_in_file::TEXT, 'no') || ' records now, and source_records has ' || n_records::TEXT || CASE WHEN n_records_in_file = n_records THEN ', but not the same ones' ELSE '' END || ': it was edited or removed after it was read. Read the dataset again: ' || @RESTATE_COMMAND('tacos.source_records')
    )
    ELSE FALSE
  END;

AUDIT (
  name records_are_samples_duplicates_rejected_or_left_out
);

WITH samples AS (
  SELECT
    COUNT(*) AS n_samples,
    COALESCE(SUM(n_duplicates), 0) AS n_duplicates
  FROM tacos.samples
), counts AS (
  SELECT
    SUM(n_samples) AS n_samples,
    SUM(n_duplicates) AS n_duplicates,
    COUNT(*) FILTER(WHERE
      n_records <> n_samples + n_duplicates + n_rejected + n_left_out) AS n_wrong_files
  FROM @this_model
)
SELECT
  counts.n_wrong_files
FROM counts
CROSS JOIN samples
WHERE
  counts.n_wrong_files > 0
  OR counts.n_samples <> samples.n_samples
  OR counts.n_duplicates <> samples.n_duplicates;

AUDIT (
  name samples_are_left_out_by_the_limit_only
);

WITH counts AS (
  SELECT
    SUM(n_samples) AS n_samples,
    SUM(n_left_out) AS n_left_out
  FROM @this_model
)
SELECT
  n_left_out
FROM counts
WHERE
  n_left_out > 0 AND n_samples <> @VAR('sample_limit')::BIGINT