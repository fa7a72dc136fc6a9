MODEL (
  name tacos_internal.tag_alias_targets,
  kind FULL,
  description 'One row per canonical tag that the alias file merges into another one.',
  column_descriptions (
    canonical_tag = 'The tag that is replaced, after the rules.',
    alias_target = 'The tag that the alias file names for it, after the rules.',
    merged_into = 'The last tag of the chain of aliases.',
    n_targets = 'How many different targets the alias file names for it: exactly 1.',
    is_known = 'Whether a sample carries the target, or the alias file declares it.',
    note = 'The note of the alias file.'
  ),
  grain canonical_tag,
  audits (
    UNIQUE_VALUES(columns := (
      canonical_tag
    )),
    NOT_NULL(columns := (alias_target, merged_into)),
    EVERY_ALIAS_IS_A_TAG,
    AN_ALIAS_HAS_ONE_TARGET,
    THE_TARGET_OF_AN_ALIAS_IS_KNOWN,
    ALIASES_DO_NOT_RUN_IN_A_CIRCLE
  ),
  tags (
    normalization
  )
);

WITH resolved AS (
  SELECT
    aliases.note,
    alias_groups.canonical_tag AS alias_tag,
    target_groups.canonical_tag AS target_tag,
    target_groups.n_group_occurrences AS n_target_occurrences
  FROM tacos_internal.tag_aliases AS aliases
  INNER JOIN tacos_internal.tag_spellings AS alias_spellings
    ON alias_spellings.text = aliases.alias
  INNER JOIN tacos_internal.tag_groups AS alias_groups
    ON alias_groups.cleaned_tag = alias_spellings.cleaned_tag
  INNER JOIN tacos_internal.tag_spellings AS target_spellings
    ON target_spellings.text = aliases.canonical_tag
  INNER JOIN tacos_internal.tag_groups AS target_groups
    ON target_groups.cleaned_tag = target_spellings.cleaned_tag
), declared AS (
  SELECT DISTINCT
    target_tag AS tag
  FROM resolved
  WHERE
    alias_tag = target_tag
), edges AS (
  SELECT
    resolved.alias_tag AS tag,
    MIN(resolved.target_tag) AS target,
    COUNT(DISTINCT resolved.target_tag) AS n_targets,
    MIN(resolved.note) AS note,
    MIN(
      CASE
        WHEN resolved.n_target_occurrences > 0 OR NOT declared.tag IS NULL
        THEN 1
        ELSE 0
      END
    ) AS is_known
  FROM resolved
  LEFT JOIN declared
    ON declared.tag = resolved.target_tag
  WHERE
    resolved.alias_tag <> resolved.target_tag
  GROUP BY
    resolved.alias_tag
), jump_2 AS (
  SELECT
    edges.tag,
    COALESCE(nexts.target, edges.target) AS target
  FROM edges
  LEFT JOIN edges AS nexts
    ON nexts.tag = edges.target
), jump_4 AS (
  SELECT
    jump_2.tag,
    COALESCE(nexts.target, jump_2.target) AS target
  FROM jump_2
  LEFT JOIN jump_2 AS nexts
    ON nexts.tag = jump_2.target
), jump_8 AS (
  SELECT
    jump_4.tag,
    COALESCE(nexts.target, jump_4.target) AS target
  FROM jump_4
  LEFT JOIN jump_4 AS nexts
    ON nexts.tag = jump_4.target
)
SELECT
  edges.tag::TEXT AS canonical_tag,
  edges.target::TEXT AS alias_target,
  jump_8.target::TEXT AS merged_into,
  edges.n_targets::BIGINT AS n_targets,
  (
    edges.is_known = 1
  )::BOOLEAN AS is_known,
  edges.note::TEXT AS note
FROM edges
INNER JOIN jump_8
  ON jump_8.tag = edges.tag