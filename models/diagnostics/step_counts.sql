MODEL (
  name tacos_internal.step_counts,
  kind EMBEDDED,
  description 'One row: tags, occurrences and samples that every step of normalization leaves; computed inside its readers.',
  column_descriptions (
    n_raw_tags = 'Distinct raw tags.',
    n_cleaned_tags = 'Distinct tags after the text rules.',
    n_canonical_tags = 'Distinct tags after stemming and word breaks.',
    n_alias_tags = 'Distinct tags after aliases.',
    n_frequent_tags = 'Distinct tags that the frequency filter keeps.',
    n_kept_tags = 'Distinct tags before merges.',
    n_normalized_tags = 'Distinct tags at the end.',
    n_raw_occurrences = 'Raw tags of samples.',
    n_text_occurrences = 'Of these, the ones with text left.',
    n_frequent_occurrences = 'Of these, the ones that the frequency filter keeps.',
    n_normalized_occurrences = 'Of these, the ones left at the end.',
    n_raw_samples = 'Samples with a raw tag.',
    n_text_samples = 'Samples with text left of a tag.',
    n_frequent_samples = 'Samples with a tag that the frequency filter keeps.',
    n_normalized_samples = 'Samples with a tag at the end.',
    n_merges = 'Tags merged by association.'
  ),
  grain n_raw_tags,
  tags (
    diagnostics
  )
);

WITH journeys AS (
  SELECT
    raw_tag,
    n_occurrences,
    cleaned_tag,
    canonical_tag,
    alias_tag,
    normalized_tag,
    has_text,
    is_frequent,
    is_normalized,
    counted_tag
  FROM tacos_internal.tag_journeys
), tags AS (
  SELECT
    COUNT(*) AS n_raw_tags,
    COUNT(DISTINCT CASE WHEN has_text = 1 THEN cleaned_tag END) AS n_cleaned_tags,
    COUNT(DISTINCT CASE WHEN has_text = 1 THEN canonical_tag END) AS n_canonical_tags,
    COUNT(DISTINCT CASE WHEN has_text = 1 THEN alias_tag END) AS n_alias_tags,
    COUNT(DISTINCT CASE WHEN is_frequent = 1 THEN counted_tag END) AS n_frequent_tags,
    COUNT(DISTINCT CASE WHEN is_normalized = 1 THEN alias_tag END) AS n_kept_tags,
    COUNT(DISTINCT normalized_tag) AS n_normalized_tags,
    SUM(n_occurrences) AS n_raw_occurrences,
    SUM(n_occurrences * has_text) AS n_text_occurrences,
    SUM(n_occurrences * is_frequent) AS n_frequent_occurrences,
    SUM(n_occurrences * is_normalized) AS n_normalized_occurrences
  FROM journeys
), tagged AS (
  SELECT
    raw_tags.sample_id,
    MAX(journeys.has_text) AS has_text,
    MAX(journeys.is_frequent) AS is_frequent,
    MAX(journeys.is_normalized) AS is_normalized
  FROM tacos.raw_tags AS raw_tags
  INNER JOIN journeys
    ON journeys.raw_tag = raw_tags.raw_tag
  GROUP BY
    raw_tags.sample_id
), samples AS (
  SELECT
    COUNT(*) AS n_raw_samples,
    SUM(has_text) AS n_text_samples,
    SUM(is_frequent) AS n_frequent_samples,
    SUM(is_normalized) AS n_normalized_samples
  FROM tagged
), associations AS (
  SELECT
    COUNT(*) AS n_merges
  FROM tacos.tag_associations
  WHERE
    is_merge
)
SELECT
  tags.n_raw_tags::BIGINT AS n_raw_tags,
  tags.n_cleaned_tags::BIGINT AS n_cleaned_tags,
  tags.n_canonical_tags::BIGINT AS n_canonical_tags,
  tags.n_alias_tags::BIGINT AS n_alias_tags,
  tags.n_frequent_tags::BIGINT AS n_frequent_tags,
  tags.n_kept_tags::BIGINT AS n_kept_tags,
  tags.n_normalized_tags::BIGINT AS n_normalized_tags,
  tags.n_raw_occurrences::BIGINT AS n_raw_occurrences,
  tags.n_text_occurrences::BIGINT AS n_text_occurrences,
  tags.n_frequent_occurrences::BIGINT AS n_frequent_occurrences,
  tags.n_normalized_occurrences::BIGINT AS n_normalized_occurrences,
  samples.n_raw_samples::BIGINT AS n_raw_samples,
  samples.n_text_samples::BIGINT AS n_text_samples,
  samples.n_frequent_samples::BIGINT AS n_frequent_samples,
  samples.n_normalized_samples::BIGINT AS n_normalized_samples,
  associations.n_merges::BIGINT AS n_merges
FROM tags
CROSS JOIN samples
CROSS JOIN associations