MODEL (
  name tacos_internal.tag_alias_edges,
  kind EMBEDDED,
  description 'One row per canonical tag that the alias file merges into another one: where the file sends it; computed inside its readers.',
  column_descriptions (
    tag = 'The tag that is replaced, after the rules.',
    target = 'The tag that the alias file names for it, after the rules.',
    n_targets = 'How many different targets the alias file names for it.',
    note = 'The note of the alias file.',
    is_known = 'Whether a sample carries the target, or the alias file declares it.'
  ),
  grain tag,
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
  WHERE
    @ONCE()
), declared AS (
  SELECT DISTINCT
    target_tag AS tag
  FROM resolved
  WHERE
    alias_tag = target_tag
)
SELECT
  resolved.alias_tag::TEXT AS tag,
  MIN(resolved.target_tag)::TEXT AS target,
  COUNT(DISTINCT resolved.target_tag)::BIGINT AS n_targets,
  MIN(resolved.note)::TEXT AS note,
  (
    MIN(
      CASE
        WHEN resolved.n_target_occurrences > 0 OR NOT declared.tag IS NULL
        THEN 1
        ELSE 0
      END
    ) = 1
  )::BOOLEAN AS is_known
FROM resolved
LEFT JOIN declared
  ON declared.tag = resolved.target_tag
WHERE
  resolved.alias_tag <> resolved.target_tag
GROUP BY
  resolved.alias_tag