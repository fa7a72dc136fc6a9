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
      'Sample ' || samples.sample_id || ' of ' || samples.ingested_at::TEXT || ' has no row in tag_replies: its day was processed before the sample came in. Mend it (paid replies are not paid again): ' || @RESTATE_COMMAND('tacos.tag_replies')
    )
    ELSE FALSE
  END;

AUDIT (
  name every_reply_has_its_sample
);

SELECT
  replies.sample_id
FROM tacos.tag_replies AS replies
LEFT JOIN tacos.samples AS samples
  ON samples.sample_id = replies.sample_id
  AND samples.ingested_at = replies.ingested_at
WHERE
  CASE
    WHEN samples.sample_id IS NULL
    THEN @FAIL(
      'tag_replies has a row for ' || replies.sample_id || ' of ' || replies.ingested_at::TEXT || ', but samples has none of that day: it was removed, and its day was not processed again. Mend it (paid replies are not paid again): ' || @RESTATE_COMMAND('tacos.tag_replies')
    )
    ELSE FALSE
  END;

AUDIT (
  name every_tag_of_the_replies_is_a_raw_tag
);

/* All days, not only those at hand: a restatement that stopped half way leaves old ones behind. */
WITH tags AS (
  SELECT
    COUNT(*) AS n_tags
  FROM tacos.raw_tags
), replies AS (
  SELECT
    COALESCE(SUM(ARRAY_LENGTH(tags)), 0) AS n_tags
  FROM tacos.tag_replies
)
SELECT
  tags.n_tags
FROM tags
CROSS JOIN replies
WHERE
  CASE
    WHEN tags.n_tags <> replies.n_tags
    THEN @FAIL(
      'raw_tags has ' || tags.n_tags::TEXT || ' tags, and tag_replies ' || replies.n_tags::TEXT || ': a day was not processed again. Mend it: ' || @RESTATE_COMMAND('tacos.raw_tags')
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