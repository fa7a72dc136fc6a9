MODEL (
  name tacos.tag_map,
  kind FULL,
  description 'One row per raw tag: what became of it, and why.',
  column_descriptions (
    raw_tag = 'The tag as written by the model.',
    normalized_tag = 'The tag that stands for it; NULL if it was dropped.',
    action = 'kept (unchanged), merged_by_rule, merged_by_alias, merged_by_association, merged_by_similarity (by the last step that changed it), dropped_rare or dropped_empty.',
    reason = 'The chain of what happened, to be read.',
    n_occurrences = 'How often it was written.'
  ),
  grain raw_tag,
  audits (
    UNIQUE_VALUES(columns := (
      raw_tag
    )),
    NOT_NULL(columns := (raw_tag, action, reason)),
    ACCEPTED_VALUES(
      "column" := action,
      is_in := (
        'kept',
        'merged_by_rule',
        'merged_by_alias',
        'merged_by_association',
        'merged_by_similarity',
        'dropped_rare',
        'dropped_empty'
      )
    ),
    KEPT_MERGED_AND_DROPPED_ARE_ALL_RAW_TAGS,
    DROPPED_TAGS_AND_ONLY_THEY_HAVE_NO_NORMALIZED_TAG,
    NORMALIZED_TAGS_ARE_NOT_CHANGED_AGAIN,
    THE_MAP_HOLDS_EXACTLY_THE_RAW_TAGS
  ),
  depends_on (
    tacos.raw_tags
  ),
  tags (
    normalization
  )
);

WITH decided AS (
  SELECT
    ruled.raw_tag,
    ruled.n_occurrences,
    ruled.ruled_tag,
    ruled.is_alias,
    ruled.chain,
    merges.path,
    CASE WHEN ruled.is_common THEN merges.normalized_tag END AS normalized_tag,
    CASE
      WHEN ruled.canonical_tag IS NULL
      THEN 'dropped_empty'
      WHEN NOT ruled.is_common OR merges.normalized_tag IS NULL
      THEN 'dropped_rare'
      ELSE merges.action
    END AS action,
    CASE
      WHEN ruled.is_common
      THEN ' -> dropped: on ' || frequencies.n_samples::TEXT || ' samples, fewer than '
      ELSE ' -> dropped: this spelling is on fewer samples than '
    END || thresholds.min_samples::TEXT AS rarity
  FROM tacos_internal.tag_chains AS ruled
  LEFT JOIN tacos.tag_frequencies AS frequencies
    ON frequencies.canonical_tag = ruled.canonical_tag
  LEFT JOIN tacos_internal.tag_merges AS merges
    ON merges.canonical_tag = ruled.canonical_tag
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
)
SELECT
  raw_tag::TEXT AS raw_tag,
  normalized_tag::TEXT AS normalized_tag,
  (
    CASE
      WHEN action = 'kept' AND is_alias
      THEN 'merged_by_alias'
      WHEN action = 'kept' AND raw_tag <> ruled_tag
      THEN 'merged_by_rule'
      ELSE action
    END
  )::TEXT AS action,
  (
    CASE
      WHEN action = 'dropped_empty'
      THEN raw_tag || ' -> dropped: no letter, digit or symbol is left of it'
      WHEN action = 'dropped_rare'
      THEN chain || rarity
      WHEN chain = raw_tag AND path = ''
      THEN raw_tag || ' is kept as it is'
      ELSE chain || path
    END
  )::TEXT AS reason,
  n_occurrences::BIGINT AS n_occurrences
FROM decided