MODEL (
  name tacos_internal.tag_pairs,
  kind EMBEDDED,
  description 'One row per unordered pair of kept tags that enough samples carry both; computed inside its readers.',
  column_descriptions (
    first_tag = 'The tag that comes first in the alphabet.',
    second_tag = 'The other tag.',
    support = 'Number of samples that carry both, at least normalization_thresholds.association_min_support.'
  ),
  grain (first_tag, second_tag),
  tags (
    normalization
  )
);

WITH frequent AS (
  SELECT
    frequencies.canonical_tag
  FROM tacos.tag_frequencies AS frequencies
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  WHERE
    frequencies.is_kept
    AND frequencies.n_samples >= thresholds.association_min_support
), carried AS (
  SELECT
    sample_tags.sample_id,
    sample_tags.canonical_tag
  FROM tacos_internal.sample_tags AS sample_tags
  INNER JOIN frequent
    ON frequent.canonical_tag = sample_tags.canonical_tag
), pairs AS (
  SELECT
    firsts.canonical_tag AS first_tag,
    seconds.canonical_tag AS second_tag,
    COUNT(*) AS support
  FROM carried AS firsts
  INNER JOIN carried AS seconds
    ON seconds.sample_id = firsts.sample_id
    AND seconds.canonical_tag > firsts.canonical_tag
  GROUP BY
    firsts.canonical_tag,
    seconds.canonical_tag
)
SELECT
  pairs.first_tag::TEXT AS first_tag,
  pairs.second_tag::TEXT AS second_tag,
  pairs.support::BIGINT AS support
FROM pairs
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
WHERE
  pairs.support >= thresholds.association_min_support