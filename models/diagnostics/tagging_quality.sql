MODEL (
  name tacos.tagging_quality,
  kind FULL,
  description 'One row per measure of the tags: do the replies keep to their schema, how many tags are there, how fine, how general, how right.',
  column_descriptions (
    metric_no = 'Place of the measure, from 1.',
    metric = 'The measure.',
    value = 'Its value; NULL where there is nothing to measure.',
    value_low = 'Lower end of its 95% interval (Wilson), for what was reviewed only.',
    value_high = 'Upper end of it.',
    unit = 'share (0 to 1), tags (a number of them) or bits.',
    note = 'What is counted, and what a high or a low value means.'
  ),
  grain metric,
  audits (
    UNIQUE_VALUES(columns := (
      metric
    )),
    NOT_NULL(columns := (metric, metric_no, unit, note))
  ),
  tags (
    diagnostics
  )
);

WITH measures AS (
  SELECT
    replies.first_reply_compliance,
    replies.final_compliance,
    replies.failed_share,
    replies.empty_share,
    replies.tags_per_sample,
    replies.tags_per_sample_spread,
    replies.normalized_tags_per_sample,
    replies.normalized_tags_per_sample_spread,
    1000.0 * tags.n_raw_tags / NULLIF(thresholds.n_samples, 0) AS raw_tags_per_1000_samples,
    1000.0 * tags.n_normalized_tags / NULLIF(thresholds.n_samples, 0) AS normalized_tags_per_1000_samples,
    tags.raw_tag_entropy,
    tags.normalized_tag_entropy,
    tags.single_use_share,
    tags.commonest_tag_share,
    tags.too_common_tags,
    generic.listed_tag_share,
    generic.only_generic_share
  FROM tacos_internal.reply_quality AS replies
  CROSS JOIN tacos_internal.tag_granularity AS tags
  CROSS JOIN tacos_internal.generic_measures AS generic
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
), metrics AS (
  @METRIC_ROWS(
    first_reply_compliance,
    final_compliance,
    failed_share,
    empty_share,
    tags_per_sample,
    tags_per_sample_spread,
    normalized_tags_per_sample,
    normalized_tags_per_sample_spread,
    raw_tags_per_1000_samples,
    normalized_tags_per_1000_samples,
    raw_tag_entropy,
    normalized_tag_entropy,
    single_use_share,
    commonest_tag_share,
    too_common_tags,
    listed_tag_share,
    only_generic_share
  )
  UNION ALL
  SELECT
    metric,
    value,
    value_low,
    value_high
  FROM tacos_internal.review_measures
)
SELECT
  notes.metric_no::INT AS metric_no,
  metrics.metric::TEXT AS metric,
  metrics.value::DOUBLE AS value,
  metrics.value_low::DOUBLE AS value_low,
  metrics.value_high::DOUBLE AS value_high,
  notes.unit::TEXT AS unit,
  notes.note::TEXT AS note
FROM metrics
FULL JOIN tacos_internal.tagging_metrics AS notes
  ON notes.metric = metrics.metric