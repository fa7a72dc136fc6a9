MODEL (
  name tacos.normalized_tags,
  kind FULL,
  description 'One row per sample and normalized tag. A sample that lost all its tags has no row here.',
  column_descriptions (
    sample_id = 'The sample.',
    normalized_tag = 'One of its tags after normalization.'
  ),
  grain (sample_id, normalized_tag),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, normalized_tag)),
    NOT_NULL(columns := (sample_id, normalized_tag)),
    EVERY_NORMALIZED_TAG_COMES_FROM_A_RAW_TAG,
    NO_NORMALIZED_TAG_OF_A_SAMPLE_IS_MISSING
  ),
  depends_on (
    tacos.tag_map,
    tacos.raw_tags,
    tacos.samples,
    tacos_internal.normalization_thresholds
  ),
  tags (
    normalization
  )
);

SELECT DISTINCT
  sample_tags.sample_id::TEXT AS sample_id,
  tag_merges.normalized_tag::TEXT AS normalized_tag
FROM tacos_internal.sample_tags AS sample_tags
INNER JOIN tacos_internal.tag_merges AS tag_merges
  ON tag_merges.canonical_tag = sample_tags.canonical_tag