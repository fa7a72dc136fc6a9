MODEL (
  name tacos.failure_signatures,
  kind FULL,
  description 'One row per failure signature of the method: what was measured, the limit, whether it fails, and what to do.',
  column_descriptions (
    check_no = 'Order of the stages, from 1.',
    signature = 'The failure signature.',
    title = 'What is measured, in a few words.',
    value = 'What was measured; NULL where there is nothing to measure.',
    threshold = 'The limit beyond which it fails: the highest value that passes, of unstable_clusters and wrong_scale the lowest.',
    unit = 'share (0 to 1), agreement (adjusted Rand index, at most 1), points (of 100), correlation (-1 to 1) or score (1 to 100).',
    is_failing = 'Whether it fails; NULL where there is nothing to measure. Judge flips fail where even the lower end of the 95% interval is beyond the limit.',
    is_grave = 'Whether its failing stops the run, unless allow_grave_signatures is set. Judge flips do above 0.5, surely so and of at least 20 pairs.',
    advice = 'One sentence on what to do.'
  ),
  grain signature,
  audits (
    UNIQUE_VALUES(columns := (
      signature
    )),
    NOT_NULL(columns := (check_no, title, threshold, unit, is_grave, advice)),
    NO_GRAVE_SIGNATURE_FAILS,
    NO_SIGNATURE_FAILS
  ),
  tags (
    diagnostics
  )
);

WITH measures AS (
  SELECT
    samples.failed_share,
    samples.malformed_share,
    samples.untagged_share,
    samples.commonest_tag_share,
    samples.single_cluster_share,
    samples.largest_cluster_share,
    samples.cluster_agreement,
    judges.flat_cluster_share,
    judges.flip_rate,
    judges.flip_rate_low,
    judges.is_worse_than_chance,
    judges.position_shift,
    judges.length_correlation,
    judges.highest_score
  FROM tacos_internal.sample_measures AS samples
  CROSS JOIN tacos_internal.judge_measures AS judges
), checks AS (
  @SIGNATURE('failed_calls', failed_share, max_failure_share, @max_failure_share)
  UNION ALL
  @SIGNATURE('malformed_replies', malformed_share, max_malformed_share, @max_malformed_share)
  UNION ALL
  @SIGNATURE('lost_tags', untagged_share, max_untagged_share, @max_untagged_share)
  UNION ALL
  @SIGNATURE('generic_tags', commonest_tag_share, max_tag_share, @max_tag_share)
  UNION ALL
  @SIGNATURE(
    'single_sample_clusters',
    single_cluster_share,
    max_single_cluster_share,
    @max_single_cluster_share
  )
  UNION ALL
  @SIGNATURE('dominant_cluster', largest_cluster_share, max_cluster_share, @max_cluster_share)
  UNION ALL
  @SIGNATURE('unstable_clusters', cluster_agreement, min_cluster_agreement, @min_cluster_agreement)
  UNION ALL
  @SIGNATURE('flat_scores', flat_cluster_share, max_flat_cluster_share, @max_flat_cluster_share)
  UNION ALL
  @SIGNATURE('judge_flips', flip_rate, max_flip_rate, @max_flip_rate, flip_rate_low)
  UNION ALL
  @SIGNATURE('position_bias', position_shift, max_position_shift, @max_position_shift)
  UNION ALL
  @SIGNATURE('length_bias', length_correlation, max_length_correlation, @max_length_correlation)
  UNION ALL
  @SIGNATURE('wrong_scale', highest_score, min_highest_score, 11)
)
SELECT
  advice.check_no::INT AS check_no,
  checks.signature::TEXT AS signature,
  advice.title::TEXT AS title,
  checks.value::DOUBLE AS value,
  checks.threshold::DOUBLE AS threshold,
  advice.unit::TEXT AS unit,
  checks.is_failing::BOOLEAN AS is_failing,
  CASE
    WHEN checks.signature = 'judge_flips'
    THEN measures.is_worse_than_chance
    ELSE checks.signature IN ('failed_calls', 'malformed_replies', 'wrong_scale')
  END::BOOLEAN AS is_grave,
  advice.advice::TEXT AS advice
FROM checks
CROSS JOIN measures
INNER JOIN tacos_internal.signature_advice AS advice
  ON advice.signature = checks.signature