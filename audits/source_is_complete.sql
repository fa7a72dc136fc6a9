AUDIT (
  name every_record_in_the_files_was_read
);

SELECT
  source_file
FROM @this_model
WHERE
  CASE
    WHEN n_records_in_file IS DISTINCT FROM n_records
    THEN @FAIL(
      source_file || ' has ' || COALESCE(n_records_in_file::TEXT, 'no') || ' records on disk, but ' || n_records::TEXT || ' distinct records were read from it: it was changed or removed after it was read. Read the dataset again: sqlmesh plan --restate-model tacos.source_records'
    )
    ELSE FALSE
  END;

AUDIT (
  name records_are_samples_duplicates_or_rejected
);

WITH records AS (
  SELECT
    SUM(n_records) AS n_records
  FROM @this_model
), samples AS (
  SELECT
    COUNT(*) + SUM(n_duplicates) AS n_usable
  FROM tacos.samples
), rejected AS (
  SELECT
    COUNT(*) AS n_rejected
  FROM tacos.rejected_records
)
SELECT
  records.n_records
FROM records
CROSS JOIN samples
CROSS JOIN rejected
WHERE
  records.n_records <> samples.n_usable + rejected.n_rejected