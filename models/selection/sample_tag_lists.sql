MODEL (
  name tacos_internal.sample_tag_lists,
  kind EMBEDDED,
  description 'One row per sample with a raw tag: its tags before and after normalization, and the rule behind each.',
  column_descriptions (
    sample_id = 'The sample.',
    raw_tags = 'Tags as the model wrote them, in alphabetical order.',
    normalized_tags = 'Tags that were left after normalization, in alphabetical order; NULL if none.',
    tag_reasons = 'For each raw tag, in alphabetical order, the chain of what happened to it, as in tag_map.'
  ),
  grain sample_id,
  tags (
    selection
  )
);

WITH raw AS (
  SELECT
    tags.sample_id,
    ARRAY_TO_STRING(LIST_SORT(ARRAY_AGG(DISTINCT tags.raw_tag)), ', ') AS raw_tags,
    LIST_SORT(
      ARRAY_AGG(DISTINCT tags.raw_tag || ': ' || COALESCE(fates.reason, 'not in tag_map'))
    ) AS tag_reasons
  FROM tacos.raw_tags AS tags
  LEFT JOIN tacos.tag_map AS fates
    ON fates.raw_tag = tags.raw_tag
  GROUP BY
    tags.sample_id
), normalized AS (
  SELECT
    sample_id,
    ARRAY_TO_STRING(LIST_SORT(ARRAY_AGG(DISTINCT normalized_tag)), ', ') AS normalized_tags
  FROM tacos.normalized_tags
  GROUP BY
    sample_id
)
SELECT
  raw.sample_id::TEXT AS sample_id,
  raw.raw_tags::TEXT AS raw_tags,
  normalized.normalized_tags::TEXT AS normalized_tags,
  raw.tag_reasons::TEXT[] AS tag_reasons
FROM raw
LEFT JOIN normalized
  ON normalized.sample_id = raw.sample_id