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
WITH counts AS (
  SELECT
    counted.n_raw_tags,
    counted.n_cleaned_tags,
    counted.n_canonical_tags,
    counted.n_alias_tags,
    counted.n_frequent_tags,
    counted.n_kept_tags,
    counted.n_normalized_tags,
    counted.n_raw_occurrences,
    counted.n_text_occurrences,
    counted.n_frequent_occurrences,
    counted.n_normalized_occurrences,
    counted.n_raw_samples,
    counted.n_text_samples,
    counted.n_frequent_samples,
    counted.n_normalized_samples,
    counted.n_merges,
    thresholds.frequency_filter = 'before_rules' AS is_paper_order
  FROM tacos_internal.step_counts AS counted
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
), steps AS (
  @WATERFALL_STEP(1, 'raw', counts.n_raw_tags, counts.n_raw_occurrences, counts.n_raw_samples)
  UNION ALL
  @WATERFALL_STEP(
    CASE WHEN counts.is_paper_order THEN 2 ELSE 5 END,
    'frequency',
    counts.n_frequent_tags,
    counts.n_frequent_occurrences,
    counts.n_frequent_samples
  )
  UNION ALL
  @WATERFALL_STEP(
    CASE WHEN counts.is_paper_order THEN 3 ELSE 2 END,
    'text_rules',
    counts.n_cleaned_tags,
    counts.n_text_occurrences,
    counts.n_text_samples
  )
  UNION ALL
  @WATERFALL_STEP(
    CASE WHEN counts.is_paper_order THEN 4 ELSE 3 END,
    'word_forms',
    counts.n_canonical_tags,
    counts.n_text_occurrences,
    counts.n_text_samples
  )
  UNION ALL
  @WATERFALL_STEP(
    CASE WHEN counts.is_paper_order THEN 5 ELSE 4 END,
    'aliases',
    counts.n_alias_tags,
    counts.n_text_occurrences,
    counts.n_text_samples
  )
  UNION ALL
  @WATERFALL_STEP(
    6,
    'association',
    counts.n_kept_tags - counts.n_merges,
    counts.n_normalized_occurrences,
    counts.n_normalized_samples
  )
  UNION ALL
  @WATERFALL_STEP(
    7,
    'similarity',
    counts.n_normalized_tags,
    counts.n_normalized_occurrences,
    counts.n_normalized_samples
  )
)
SELECT
  steps.step_no::INT AS step_no,
  steps.step::TEXT AS step,
  steps.n_tags::BIGINT AS n_tags,
  COALESCE(steps.n_occurrences, 0)::BIGINT AS n_occurrences,
  (
    steps.n_occurrences / NULLIF(counts.n_raw_occurrences, 0)
  )::DOUBLE AS occurrence_share,
  COALESCE(steps.n_tagged_samples, 0)::BIGINT AS n_tagged_samples,
  (
    steps.n_tagged_samples / NULLIF(thresholds.n_samples, 0)
  )::DOUBLE AS tagged_share,
  (
    thresholds.n_samples - COALESCE(steps.n_tagged_samples, 0)
  )::BIGINT AS n_untagged_samples
FROM steps
CROSS JOIN counts
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds