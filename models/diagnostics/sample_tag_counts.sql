MODEL (
  name tacos_internal.sample_tag_counts,
  kind EMBEDDED,
  description 'One row per sample that was asked for: whether its reply could be read, and how many tags it has; computed inside its readers.',
  column_descriptions (
    sample_id = 'The sample.',
    has_reply = 'Whether any reply came.',
    is_usable = 'Whether one could be read.',
    is_usable_at_first = 'Whether the first one could be read.',
    n_raw_tags = 'Raw tags, 0 if there are none.',
    n_normalized_tags = 'Normalized tags, 0 if there are none.'
  ),
  grain sample_id,
  tags (
    diagnostics
  )
);

WITH raw AS (
  SELECT
    sample_id,
    COUNT(*) AS n_tags
  FROM tacos.raw_tags
  GROUP BY
    sample_id
), normalized AS (
  SELECT
    sample_id,
    COUNT(*) AS n_tags
  FROM tacos.normalized_tags
  GROUP BY
    sample_id
)
SELECT
  replies.sample_id::TEXT AS sample_id,
  (
    NOT replies.raw_reply IS NULL
  )::BOOLEAN AS has_reply,
  (
    replies.error IS NULL
  )::BOOLEAN AS is_usable,
  (
    replies.error IS NULL AND replies.n_attempts = 1
  )::BOOLEAN AS is_usable_at_first,
  COALESCE(raw.n_tags, 0)::BIGINT AS n_raw_tags,
  COALESCE(normalized.n_tags, 0)::BIGINT AS n_normalized_tags
FROM tacos.tag_replies AS replies
LEFT JOIN raw
  ON raw.sample_id = replies.sample_id
LEFT JOIN normalized
  ON normalized.sample_id = replies.sample_id
WHERE
  replies.n_attempts > 0