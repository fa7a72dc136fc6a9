MODEL (
  name tacos_internal.reply_measures,
  kind EMBEDDED,
  description 'One row: how many replies failed or could not be read at first; computed inside its reader.',
  column_descriptions (
    failed_share = 'Share of the samples, or of the pairs, without a usable reply: the larger of both; NULL if no model was asked.',
    malformed_share = 'Share of the samples, or of the pairs, whose first reply could not be read: the larger of both.'
  ),
  grain failed_share,
  tags (
    diagnostics
  )
);

/* Only what a model was asked for: the offline heuristic makes no attempt. */
WITH calls AS (
  SELECT
    'tagging' AS stage,
    error,
    raw_reply,
    n_attempts
  FROM tacos.tag_replies
  WHERE
    n_attempts > 0
  UNION ALL
  SELECT
    'judging' AS stage,
    error,
    raw_reply,
    n_attempts
  FROM tacos.pair_replies
  WHERE
    n_attempts > 0
), stages AS (
  SELECT
    COUNT(error) / COUNT(*) AS failed_share,
    COUNT_IF(n_attempts > 1 OR (
      NOT error IS NULL AND NOT raw_reply IS NULL
    )) / COUNT(*) AS malformed_share
  FROM calls
  GROUP BY
    stage
)
SELECT
  MAX(failed_share)::DOUBLE AS failed_share,
  MAX(malformed_share)::DOUBLE AS malformed_share
FROM stages