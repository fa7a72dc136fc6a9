MODEL (
  name tacos_internal.review_measures,
  kind EMBEDDED,
  description 'One row per measure of what a person judged: tags that fit their sample, of those that samples still have; computed inside its reader.',
  column_descriptions (
    metric = 'reviewed_tags, raw_tag_precision or normalized_tag_precision.',
    value = 'How many tags of samples were judged, or the share of them that fit, 0 to 1; NULL where none was judged.',
    value_low = 'Lower end of the 95% interval of the share (Wilson).',
    value_high = 'Upper end of it.'
  ),
  grain metric,
  tags (
    diagnostics
  )
);

/* A verdict is on a sample and a tag: it stays where rules change, and counts where the sample has the tag. */
WITH judged AS (
  SELECT DISTINCT
    'raw_tag_precision' AS metric,
    reviews.review_id,
    CASE WHEN reviews.is_right THEN 1 ELSE 0 END AS is_right
  FROM tacos_internal.tag_reviews AS reviews
  INNER JOIN tacos.raw_tags AS tags
    ON tags.sample_id = reviews.sample_id
    AND @REVIEW_ID(tags.sample_id, tags.raw_tag) = reviews.review_id
  UNION ALL
  SELECT
    'normalized_tag_precision' AS metric,
    reviews.review_id,
    CASE WHEN reviews.is_right THEN 1 ELSE 0 END AS is_right
  FROM tacos_internal.tag_reviews AS reviews
  INNER JOIN tacos.normalized_tags AS tags
    ON tags.sample_id = reviews.sample_id
    AND @REVIEW_ID(tags.sample_id, tags.normalized_tag) = reviews.review_id
), counts AS (
  SELECT
    metrics.metric,
    COUNT(judged.review_id) AS n_judged,
    SUM(judged.is_right) AS n_right
  FROM (VALUES
    ('raw_tag_precision'),
    ('normalized_tag_precision')) AS metrics(metric)
  LEFT JOIN judged
    ON judged.metric = metrics.metric
  GROUP BY
    metrics.metric
)
SELECT
  metric::TEXT AS metric,
  @ROUNDED(n_right / NULLIF(n_judged, 0), 6)::DOUBLE AS value,
  @WILSON_BOUND(n_right, NULLIF(n_judged, 0))::DOUBLE AS value_low,
  (
    1 - @WILSON_BOUND((
      n_judged - n_right
    ), NULLIF(n_judged, 0))
  )::DOUBLE AS value_high
FROM counts
UNION ALL
SELECT
  'reviewed_tags'::TEXT AS metric,
  SUM(n_judged)::DOUBLE AS value,
  NULL::DOUBLE AS value_low,
  NULL::DOUBLE AS value_high
FROM counts