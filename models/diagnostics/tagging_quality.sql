MODEL (
  name tacos.tagging_quality,
  kind FULL,
  description 'One row per step of normalization: how many tags, occurrences and samples are left after it (the waterfall).',
  column_descriptions (
    step_no = 'Order of the steps, 1 are the raw tags.',
    step = 'raw, text_rules, word_forms (stemming and word breaks), aliases, frequency, association, similarity.',
    n_tags = 'Number of distinct tags after the step.',
    n_occurrences = 'Number of raw tags of samples that have not been dropped.',
    occurrence_share = 'Share of all raw tags of samples, 0 to 1.',
    n_tagged_samples = 'Number of samples with at least one tag left.',
    tagged_share = 'Share of all samples that have a tag left, 0 to 1.',
    n_untagged_samples = 'Number of samples without a tag left; after the last step they are placed by their rare tags, if they have any.'
  ),
  grain step,
  audits (
    UNIQUE_VALUES(columns := (
      step
    )),
    NOT_NULL(columns := (step_no, n_tags, n_occurrences, n_tagged_samples)),
    A_STEP_NEVER_ADDS_TAGS,
    NORMALIZED_TAGS_HOLD_THE_TAGGED_SAMPLES
  ),
  depends_on (
    tacos.normalized_tags
  ),
  tags (
    diagnostics
  )
);

/* With frequency_filter before_rules the step frequency comes second, and the text rules see what is left. */
WITH journeys AS (
  SELECT
    rules.raw_tag,
    rules.n_occurrences,
    rules.cleaned_tag,
    rules.canonical_tag,
    COALESCE(aliases.merged_into, rules.canonical_tag) AS alias_tag,
    fates.normalized_tag,
    CASE WHEN rules.is_common AND NOT rules.cleaned_tag IS NULL THEN 1 ELSE 0 END AS has_text,
    CASE
      WHEN thresholds.frequency_filter = 'before_rules' AND rules.is_common
      THEN 1
      WHEN thresholds.frequency_filter = 'after_rules' AND NOT fates.normalized_tag IS NULL
      THEN 1
      ELSE 0
    END AS is_frequent,
    CASE WHEN fates.normalized_tag IS NULL THEN 0 ELSE 1 END AS is_normalized,
    CASE
      WHEN thresholds.frequency_filter = 'before_rules'
      THEN rules.raw_tag
      ELSE COALESCE(aliases.merged_into, rules.canonical_tag)
    END AS counted_tag
  FROM tacos.tag_rules AS rules
  INNER JOIN tacos.tag_map AS fates
    ON fates.raw_tag = rules.raw_tag
  LEFT JOIN tacos_internal.tag_alias_targets AS aliases
    ON aliases.canonical_tag = rules.canonical_tag
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
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
), steps AS (
  SELECT
    1 AS step_no,
    'raw' AS step,
    tags.n_raw_tags AS n_tags,
    tags.n_raw_occurrences AS n_occurrences,
    samples.n_raw_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  UNION ALL
  SELECT
    CASE WHEN thresholds.frequency_filter = 'before_rules' THEN 2 ELSE 5 END AS step_no,
    'frequency' AS step,
    tags.n_frequent_tags AS n_tags,
    tags.n_frequent_occurrences AS n_occurrences,
    samples.n_frequent_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  UNION ALL
  SELECT
    CASE WHEN thresholds.frequency_filter = 'before_rules' THEN 3 ELSE 2 END AS step_no,
    'text_rules' AS step,
    tags.n_cleaned_tags AS n_tags,
    tags.n_text_occurrences AS n_occurrences,
    samples.n_text_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  UNION ALL
  SELECT
    CASE WHEN thresholds.frequency_filter = 'before_rules' THEN 4 ELSE 3 END AS step_no,
    'word_forms' AS step,
    tags.n_canonical_tags AS n_tags,
    tags.n_text_occurrences AS n_occurrences,
    samples.n_text_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  UNION ALL
  SELECT
    CASE WHEN thresholds.frequency_filter = 'before_rules' THEN 5 ELSE 4 END AS step_no,
    'aliases' AS step,
    tags.n_alias_tags AS n_tags,
    tags.n_text_occurrences AS n_occurrences,
    samples.n_text_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  UNION ALL
  SELECT
    6 AS step_no,
    'association' AS step,
    tags.n_kept_tags - associations.n_merges AS n_tags,
    tags.n_normalized_occurrences AS n_occurrences,
    samples.n_normalized_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
  CROSS JOIN associations
  UNION ALL
  SELECT
    7 AS step_no,
    'similarity' AS step,
    tags.n_normalized_tags AS n_tags,
    tags.n_normalized_occurrences AS n_occurrences,
    samples.n_normalized_samples AS n_tagged_samples
  FROM tags
  CROSS JOIN samples
)
SELECT
  steps.step_no::INT AS step_no,
  steps.step::TEXT AS step,
  steps.n_tags::BIGINT AS n_tags,
  COALESCE(steps.n_occurrences, 0)::BIGINT AS n_occurrences,
  (
    steps.n_occurrences / NULLIF(tags.n_raw_occurrences, 0)
  )::DOUBLE AS occurrence_share,
  COALESCE(steps.n_tagged_samples, 0)::BIGINT AS n_tagged_samples,
  (
    steps.n_tagged_samples / NULLIF(thresholds.n_samples, 0)
  )::DOUBLE AS tagged_share,
  (
    thresholds.n_samples - COALESCE(steps.n_tagged_samples, 0)
  )::BIGINT AS n_untagged_samples
FROM steps
CROSS JOIN tags
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds