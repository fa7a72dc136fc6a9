MODEL (
  name tacos_internal.tag_worst_merges,
  kind FULL,
  description 'One row per doubtful merge: the 50 measured raw tags whose normalized tag is farthest in meaning, for a person to read.',
  column_descriptions (
    drift_rank = 'Order, 1 is the most doubtful.',
    raw_tag = 'The tag as written by the model.',
    normalized_tag = 'The tag that stands for it.',
    action = 'What merged it, as in tag_map.',
    cosine_similarity = 'Cosine of their embeddings, at most 1.',
    n_occurrences = 'How often the raw tag was written.',
    reason = 'The chain of what happened, from tag_map.'
  ),
  grain raw_tag,
  audits (
    UNIQUE_VALUES(columns := (
      raw_tag
    )),
    NOT_NULL(columns := (drift_rank, normalized_tag, reason))
  ),
  tags (
    diagnostics
  )
);

WITH ranked AS (
  SELECT
    raw_tag,
    normalized_tag,
    action,
    cosine_similarity,
    n_occurrences,
    ROW_NUMBER() OVER (ORDER BY cosine_similarity, n_occurrences DESC, raw_tag) AS drift_rank
  FROM tacos.tag_drift
)
SELECT
  ranked.drift_rank::INT AS drift_rank,
  ranked.raw_tag::TEXT AS raw_tag,
  ranked.normalized_tag::TEXT AS normalized_tag,
  ranked.action::TEXT AS action,
  ranked.cosine_similarity::DOUBLE AS cosine_similarity,
  ranked.n_occurrences::BIGINT AS n_occurrences,
  fates.reason::TEXT AS reason
FROM ranked
INNER JOIN tacos.tag_map AS fates
  ON fates.raw_tag = ranked.raw_tag
WHERE
  ranked.drift_rank <= 50