MODEL (
  name tacos_internal.sample_measures,
  kind FULL,
  description 'One row: what the failure signatures of replies, tags and clusters measure; NULL where there is nothing to measure.',
  column_descriptions (
    n_samples = 'Samples of the dataset.',
    failed_share = 'Share of the samples, or of the pairs, without a usable reply: the larger of both.',
    malformed_share = 'Share of the samples, or of the pairs, whose first reply could not be read: the larger of both.',
    untagged_share = 'Share of the samples without a normalized tag.',
    commonest_tag_share = 'Share of the samples that carry the commonest normalized tag.',
    single_cluster_share = 'Share of the clusters that have one sample.',
    largest_cluster_share = 'Share of the samples that are in the largest cluster.',
    cluster_agreement = 'Lowest adjusted Rand index of the clusters with those of another seed.'
  ),
  grain n_samples,
  audits (UNIQUE_VALUES(columns := (
      n_samples
    )), NOT_NULL(columns := (
      n_samples
  ))),
  tags (
    diagnostics
  )
);

WITH commonest AS (
  SELECT
    MAX(value) AS sample_share
  FROM tacos.tagging_quality
  WHERE
    metric = 'commonest_tag_share'
), waterfall AS (
  SELECT
    MIN(tagged_share) AS tagged_share
  FROM tacos.normalization_waterfall
), clusters AS (
  SELECT
    COALESCE(SUM(n_samples), 0) AS n_samples,
    COUNT_IF(cluster_id >= 0 AND n_samples = 1) / NULLIF(COUNT_IF(cluster_id >= 0), 0) AS single_cluster_share,
    MAX(n_samples) / NULLIF(SUM(n_samples), 0) AS largest_cluster_share
  FROM tacos.cluster_labels
), stability AS (
  SELECT
    MIN(adjusted_rand_index) AS cluster_agreement
  FROM tacos.cluster_stability
)
SELECT
  clusters.n_samples::BIGINT AS n_samples,
  @ROUNDED(replies.failed_share, 6)::DOUBLE AS failed_share,
  @ROUNDED(replies.malformed_share, 6)::DOUBLE AS malformed_share,
  @ROUNDED(1 - waterfall.tagged_share, 6)::DOUBLE AS untagged_share,
  commonest.sample_share::DOUBLE AS commonest_tag_share,
  @ROUNDED(clusters.single_cluster_share, 6)::DOUBLE AS single_cluster_share,
  @ROUNDED(clusters.largest_cluster_share, 6)::DOUBLE AS largest_cluster_share,
  @ROUNDED(stability.cluster_agreement, 6)::DOUBLE AS cluster_agreement
FROM clusters
CROSS JOIN tacos_internal.reply_measures AS replies
CROSS JOIN commonest
CROSS JOIN waterfall
CROSS JOIN stability