MODEL (
  name tacos_internal.tag_ranks,
  kind EMBEDDED,
  description 'One row per normalized tag, from the commonest on: how much it and all commoner ones cover; computed inside its readers.',
  column_descriptions (
    tag_rank = 'Order by the samples that carry it, 1 is the commonest.',
    normalized_tag = 'The tag.',
    n_samples = 'Samples with one of the tags up to this rank.',
    n_occurrences = 'Rows of normalized_tags of these tags.',
    n_kept_tags = 'These tags that a kept sample carries.'
  ),
  grain normalized_tag,
  tags (
    diagnostics
  )
);

WITH ranked AS (
  SELECT
    tags.normalized_tag,
    COUNT(*) AS n_carriers,
    MAX(CASE WHEN selected.sample_id IS NULL THEN 0 ELSE 1 END) AS is_kept,
    ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, tags.normalized_tag) AS tag_rank
  FROM tacos.normalized_tags AS tags
  LEFT JOIN tacos.selected AS selected
    ON selected.sample_id = tags.sample_id
  GROUP BY
    tags.normalized_tag
), reached AS (
  SELECT
    tags.sample_id,
    MIN(ranked.tag_rank) AS tag_rank
  FROM tacos.normalized_tags AS tags
  INNER JOIN ranked
    ON ranked.normalized_tag = tags.normalized_tag
  GROUP BY
    tags.sample_id
), news AS (
  SELECT
    tag_rank,
    COUNT(*) AS n_samples
  FROM reached
  GROUP BY
    tag_rank
)
SELECT
  ranked.tag_rank::BIGINT AS tag_rank,
  ranked.normalized_tag::TEXT AS normalized_tag,
  SUM(COALESCE(news.n_samples, 0)) OVER (ORDER BY ranked.tag_rank)::BIGINT AS n_samples,
  SUM(ranked.n_carriers) OVER (ORDER BY ranked.tag_rank)::BIGINT AS n_occurrences,
  SUM(ranked.is_kept) OVER (ORDER BY ranked.tag_rank)::BIGINT AS n_kept_tags
FROM ranked
LEFT JOIN news
  ON news.tag_rank = ranked.tag_rank