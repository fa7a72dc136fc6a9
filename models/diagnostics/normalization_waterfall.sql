MODEL (
  name tacos.normalization_waterfall,
  kind FULL,
  description 'One row per step of normalization: how many tags, occurrences and samples are left after it, and how many it costs.',
  column_descriptions (
    step_no = 'Order of the steps, 1 are the raw tags. With frequency_filter before_rules the step frequency is the second.',
    step = 'raw, then a rule by the name of its variable rule_..., aliases, frequency, association, similarity; one that is switched off costs nothing.',
    n_tags = 'Number of distinct tags after the step.',
    n_lost_tags = 'How many fewer that are than after the step before: merged into others, or dropped.',
    n_occurrences = 'Number of raw tags of samples that have not been dropped.',
    n_lost_occurrences = 'How many of them the step drops.',
    occurrence_share = 'Share of all raw tags of samples that are left, 0 to 1.',
    n_tagged_samples = 'Number of samples with at least one tag left.',
    n_lost_samples = 'How many samples lose their last tag in the step.',
    tagged_share = 'Share of all samples that have a tag left, 0 to 1.',
    n_untagged_samples = 'Number of samples without a tag left; after the last step they are placed by their rare tags, if they have any.'
  ),
  grain step,
  audits (
    UNIQUE_VALUES(columns := (
      step
    )),
    NOT_NULL(columns := (step_no, n_tags, n_occurrences, n_tagged_samples, n_lost_tags)),
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

WITH tags AS (
  SELECT
    step_no,
    COUNT(DISTINCT tag) AS n_tags,
    SUM(n_occurrences * is_left) AS n_occurrences
  FROM tacos_internal.tag_steps
  GROUP BY
    step_no
), samples AS (
  SELECT
    steps.step_no,
    SUM(last_steps.n_samples) AS n_samples
  FROM tacos_internal.normalization_steps AS steps
  INNER JOIN tacos_internal.sample_last_steps AS last_steps
    ON last_steps.last_step_no >= steps.step_no
  GROUP BY
    steps.step_no
), counts AS (
  SELECT
    steps.step_no,
    steps.step,
    COALESCE(tags.n_tags, 0) AS n_tags,
    COALESCE(tags.n_occurrences, 0) AS n_occurrences,
    COALESCE(samples.n_samples, 0) AS n_tagged_samples
  FROM tacos_internal.normalization_steps AS steps
  LEFT JOIN tags
    ON tags.step_no = steps.step_no
  LEFT JOIN samples
    ON samples.step_no = steps.step_no
)
SELECT
  counts.step_no::INT AS step_no,
  counts.step::TEXT AS step,
  counts.n_tags::BIGINT AS n_tags,
  @LOST_IN_STEP(n_tags)::BIGINT AS n_lost_tags,
  counts.n_occurrences::BIGINT AS n_occurrences,
  @LOST_IN_STEP(n_occurrences)::BIGINT AS n_lost_occurrences,
  (
    counts.n_occurrences / NULLIF(MAX(counts.n_occurrences) OVER (), 0)
  )::DOUBLE AS occurrence_share,
  counts.n_tagged_samples::BIGINT AS n_tagged_samples,
  @LOST_IN_STEP(n_tagged_samples)::BIGINT AS n_lost_samples,
  (
    counts.n_tagged_samples / NULLIF(thresholds.n_samples, 0)
  )::DOUBLE AS tagged_share,
  (
    thresholds.n_samples - counts.n_tagged_samples
  )::BIGINT AS n_untagged_samples
FROM counts
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds