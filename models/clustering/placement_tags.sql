MODEL (
  name tacos_internal.placement_tags,
  kind FULL,
  description 'One row per sample and tag that places it: its normalized tags or, where none is left, its rare canonical tags.',
  column_descriptions (
    sample_id = 'The sample.',
    tag = 'The tag.',
    is_normalized = 'Whether it is a normalized tag; false for the rare tags of a sample that has no other.'
  ),
  grain (sample_id, tag),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, tag)),
    NOT_NULL(columns := (sample_id, tag, is_normalized))
  ),
  tags (
    clustering
  )
);

WITH untagged AS (
  SELECT
    raw_tags.sample_id,
    raw_tags.raw_tag
  FROM tacos.raw_tags AS raw_tags
  LEFT JOIN tacos.normalized_tags AS kept
    ON kept.sample_id = raw_tags.sample_id
  WHERE
    kept.sample_id IS NULL AND @CLUSTER_ON() = 'samples'
), rare AS (
  SELECT DISTINCT
    untagged.sample_id,
    COALESCE(aliases.merged_into, rules.canonical_tag) AS tag
  FROM untagged
  INNER JOIN tacos_internal.tag_rules AS rules
    ON rules.raw_tag = untagged.raw_tag
  LEFT JOIN tacos_internal.tag_alias_targets AS aliases
    ON aliases.canonical_tag = rules.canonical_tag
  WHERE
    NOT rules.canonical_tag IS NULL
)
SELECT
  sample_id::TEXT AS sample_id,
  normalized_tag::TEXT AS tag,
  TRUE::BOOLEAN AS is_normalized
FROM tacos.normalized_tags
UNION ALL
SELECT
  sample_id::TEXT AS sample_id,
  tag::TEXT AS tag,
  FALSE::BOOLEAN AS is_normalized
FROM rare