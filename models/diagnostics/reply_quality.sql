MODEL (
  name tacos_internal.reply_quality,
  kind EMBEDDED,
  description 'One row: how far the replies of the tagging model keep to their schema, and how many tags they name; computed inside its reader.',
  column_descriptions (
    n_samples = 'Samples that were asked for.',
    first_reply_compliance = 'Share of the samples with a reply whose first one could be read, 0 to 1.',
    final_compliance = 'Share of the samples with a reply of which one could be read, 0 to 1.',
    failed_share = 'Share of the samples without a usable reply, 0 to 1.',
    empty_share = 'Share of the samples with a usable reply that names no tag, 0 to 1.',
    tags_per_sample = 'Mean number of raw tags of a sample with a usable reply.',
    tags_per_sample_spread = 'Standard deviation of it.',
    normalized_tags_per_sample = 'Mean number of normalized tags of such a sample.',
    normalized_tags_per_sample_spread = 'Standard deviation of it.'
  ),
  grain n_samples,
  tags (
    diagnostics
  )
);

WITH replies AS (
  SELECT
    COUNT(*) AS n_samples,
    COUNT_IF(has_reply) AS n_replied,
    COUNT_IF(is_usable) AS n_usable,
    COUNT_IF(is_usable_at_first) AS n_usable_at_first
  FROM tacos_internal.sample_tag_counts
), usable AS (
  SELECT
    COUNT_IF(n_raw_tags = 0) AS n_empty,
    SUM(n_raw_tags) AS n_raw_tags,
    SUM(n_normalized_tags) AS n_normalized_tags,
    @INTEGER_SPREAD(n_raw_tags) AS raw_spread,
    @INTEGER_SPREAD(n_normalized_tags) AS normalized_spread
  FROM tacos_internal.sample_tag_counts
  WHERE
    is_usable
)
SELECT
  replies.n_samples::BIGINT AS n_samples,
  (
    replies.n_usable_at_first / NULLIF(replies.n_replied, 0)
  )::DOUBLE AS first_reply_compliance,
  (
    replies.n_usable / NULLIF(replies.n_replied, 0)
  )::DOUBLE AS final_compliance,
  (
    1 - replies.n_usable / NULLIF(replies.n_samples, 0)
  )::DOUBLE AS failed_share,
  (
    usable.n_empty / NULLIF(replies.n_usable, 0)
  )::DOUBLE AS empty_share,
  (
    usable.n_raw_tags / NULLIF(replies.n_usable, 0)
  )::DOUBLE AS tags_per_sample,
  usable.raw_spread::DOUBLE AS tags_per_sample_spread,
  (
    usable.n_normalized_tags / NULLIF(replies.n_usable, 0)
  )::DOUBLE AS normalized_tags_per_sample,
  usable.normalized_spread::DOUBLE AS normalized_tags_per_sample_spread
FROM replies
CROSS JOIN usable