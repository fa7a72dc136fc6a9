MODEL (
  name tacos_internal.sample_tags,
  kind FULL,
  description 'One row per sample and canonical tag, aliases applied, rare tags included.',
  column_descriptions (sample_id = 'The sample.', canonical_tag = 'The tag after rules and aliases.'),
  grain (sample_id, canonical_tag),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, canonical_tag)),
    NOT_NULL(columns := (sample_id, canonical_tag))
  ),
  tags (
    normalization
  )
);

WITH targets AS (
  SELECT
    rules.raw_tag,
    COALESCE(aliases.merged_into, rules.canonical_tag) AS canonical_tag
  FROM tacos_internal.tag_rules AS rules
  LEFT JOIN tacos_internal.tag_alias_targets AS aliases
    ON aliases.canonical_tag = rules.canonical_tag
  WHERE
    rules.is_common AND NOT rules.canonical_tag IS NULL
)
SELECT DISTINCT
  raw_tags.sample_id::TEXT AS sample_id,
  targets.canonical_tag::TEXT AS canonical_tag
FROM tacos.raw_tags AS raw_tags
INNER JOIN targets
  ON targets.raw_tag = raw_tags.raw_tag