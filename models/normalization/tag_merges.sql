MODEL (
  name tacos_internal.tag_merges,
  kind FULL,
  description 'One row per kept canonical tag: the tag it ends in after association and similarity, and the way there.',
  column_descriptions (
    canonical_tag = 'The tag after rules and aliases.',
    merged_into = 'The tag it is merged into directly; NULL if it stays.',
    normalized_tag = 'The tag at the end of the chain of merges.',
    n_jumps = 'Number of merges on the way, 0 if it stays.',
    action = 'kept, merged_by_association or merged_by_similarity, by the last merge on the way.',
    path = 'The merges on the way, to be read; empty if it stays.'
  ),
  grain canonical_tag,
  audits (
    UNIQUE_VALUES(columns := (
      canonical_tag
    )),
    NOT_NULL(columns := (canonical_tag, normalized_tag, action, path)),
    MERGES_END_IN_A_TAG_THAT_STAYS,
    KEPT_TAGS_AND_ONLY_THEY_ARE_MERGED
  ),
  tags (
    normalization
  )
);

WITH merges AS (
  SELECT
    antecedent AS tag,
    consequent AS target,
    'merged_by_association' AS action,
    ' -> merged into ' || consequent || ' by association ' || @ROUNDED(confidence, 3)::TEXT || ', support ' || support::TEXT AS step
  FROM tacos.tag_associations
  WHERE
    is_merge
  UNION ALL
  SELECT
    canonical_tag AS tag,
    similar_tag AS target,
    'merged_by_similarity' AS action,
    ' -> merged into ' || similar_tag || ' by similarity ' || @ROUNDED(cosine_similarity, 3)::TEXT AS step
  FROM tacos_internal.tag_similarities
), jump_1 AS (
  SELECT
    frequencies.canonical_tag AS tag,
    COALESCE(merges.target, frequencies.canonical_tag) AS target,
    merges.target AS merged_into,
    CASE WHEN merges.tag IS NULL THEN 0 ELSE 1 END AS n_jumps,
    COALESCE(merges.action, 'kept') AS action,
    COALESCE(merges.step, '') AS path
  FROM tacos.tag_frequencies AS frequencies
  LEFT JOIN merges
    ON merges.tag = frequencies.canonical_tag
  WHERE
    frequencies.is_kept AND @ONCE()
), jump_2 AS (
  @MERGE_JUMP(jump_1)
), jump_4 AS (
  @MERGE_JUMP(jump_2)
), jump_8 AS (
  @MERGE_JUMP(jump_4)
), jump_16 AS (
  @MERGE_JUMP(jump_8)
), jump_32 AS (
  @MERGE_JUMP(jump_16)
), jump_64 AS (
  @MERGE_JUMP(jump_32)
)
SELECT
  tag::TEXT AS canonical_tag,
  merged_into::TEXT AS merged_into,
  target::TEXT AS normalized_tag,
  n_jumps::INT AS n_jumps,
  action::TEXT AS action,
  path::TEXT AS path
FROM jump_64