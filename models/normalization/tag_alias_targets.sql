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

WITH edges AS (
  SELECT
    tag,
    target,
    n_targets,
    note,
    is_known
  FROM tacos_internal.tag_alias_edges
  WHERE
    @ONCE()
), jump_2 AS (
  @ALIAS_JUMP(edges)
), jump_4 AS (
  @ALIAS_JUMP(jump_2)
), jump_8 AS (
  @ALIAS_JUMP(jump_4)
)
SELECT
  edges.tag::TEXT AS canonical_tag,
  edges.target::TEXT AS alias_target,
  jump_8.target::TEXT AS merged_into,
  edges.n_targets::BIGINT AS n_targets,
  edges.is_known::BOOLEAN AS is_known,
  edges.note::TEXT AS note
FROM edges
INNER JOIN jump_8
  ON jump_8.tag = edges.tag