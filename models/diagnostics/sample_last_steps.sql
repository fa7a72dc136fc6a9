MODEL (
  name tacos_internal.sample_last_steps,
  kind EMBEDDED,
  description 'One row per step of normalization that is the last after which a sample has a tag: how many samples; computed inside its readers.',
  column_descriptions (
    last_step_no = 'The last step after which a tag is left.',
    n_samples = 'Samples of which that is true.'
  ),
  grain last_step_no,
  tags (
    diagnostics
  )
);

WITH tags AS (
  SELECT
    raw_tag,
    MAX(step_no) AS last_step_no
  FROM tacos_internal.tag_steps
  WHERE
    is_left = 1
  GROUP BY
    raw_tag
), samples AS (
  SELECT
    raw_tags.sample_id,
    MAX(tags.last_step_no) AS last_step_no
  FROM tacos.raw_tags AS raw_tags
  INNER JOIN tags
    ON tags.raw_tag = raw_tags.raw_tag
  GROUP BY
    raw_tags.sample_id
)
SELECT
  last_step_no::INT AS last_step_no,
  COUNT(*)::BIGINT AS n_samples
FROM samples
GROUP BY
  last_step_no