MODEL (
  name tacos_internal.normalization_thresholds,
  kind FULL,
  description 'One row: the thresholds that follow from the variables and from how many samples there are.',
  column_descriptions (
    n_samples = 'Number of samples in the dataset.',
    min_samples = 'A tag is kept from this many samples on: the larger of min_tag_frequency and min_tag_share of all samples, rounded up.',
    association_min_support = 'Two tags can be merged by association from this many common samples on.',
    frequency_filter = 'Whether tags are counted after_rules or before_rules.'
  ),
  grain n_samples,
  audits (
    UNIQUE_VALUES(columns := (
      n_samples
    )),
    NOT_NULL(columns := (n_samples, min_samples, association_min_support)),
    NORMALIZATION_SETTINGS_ARE_UNDERSTOOD
  ),
  tags (
    normalization
  )
);

WITH totals AS (
  SELECT
    COUNT(*) AS n_samples
  FROM tacos.samples
), thresholds AS (
  SELECT
    n_samples,
    GREATEST(@VAR('min_tag_frequency'), CEIL(@VAR('min_tag_share') * n_samples)) AS min_samples
  FROM totals
)
SELECT
  n_samples::BIGINT AS n_samples,
  min_samples::BIGINT AS min_samples,
  (
    CASE
      WHEN @VAR('association_min_support') > 0
      THEN @VAR('association_min_support')
      ELSE 2 * min_samples
    END
  )::BIGINT AS association_min_support,
  @VAR('frequency_filter')::TEXT AS frequency_filter
FROM thresholds