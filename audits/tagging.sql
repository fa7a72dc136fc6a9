AUDIT (
  name every_sample_has_one_reply
);

SELECT
  samples.sample_id
FROM tacos.samples AS samples
LEFT JOIN tacos.tag_replies AS replies
  ON replies.sample_id = samples.sample_id
WHERE
  CASE
    WHEN replies.sample_id IS NULL
    THEN @FAIL(
      'Sample ' || samples.sample_id || ' of ' || samples.ingested_at::TEXT || ' has no row in tag_replies: its day was processed before the sample came in. Mend it (paid replies are not paid again): sqlmesh plan --restate-model tacos.tag_replies'
    )
    ELSE FALSE
  END;

AUDIT (
  name few_samples_without_tags
);

/* Of the days at hand, but against all samples: one refusal among five new ones is no reason to stop. */
WITH failures AS (
  SELECT
    COUNT(error) AS n_failed,
    MIN(error) AS an_error
  FROM @this_model
), samples AS (
  SELECT
    COUNT(*) AS n_samples
  FROM tacos.samples
)
SELECT
  failures.n_failed
FROM failures
CROSS JOIN samples
WHERE
  CASE
    WHEN failures.n_failed > @VAR('max_failure_share') * samples.n_samples
    THEN @FAIL(
      failures.n_failed::TEXT || ' of ' || samples.n_samples::TEXT || ' samples could not be tagged, more than max_failure_share allows (' || @VAR('max_failure_share')::TEXT || '). One of the errors: ' || failures.an_error || '. Mend the cause and run again: only the failed samples are asked for again.'
    )
    ELSE FALSE
  END