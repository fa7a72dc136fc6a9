MODEL (
  name tacos_internal.tag_aliases,
  kind SEED (
    path '$root/seeds/tag_aliases.csv'
  ),
  description 'One row per merge or spelling of tags that a person approved.',
  columns (
    alias TEXT,
    canonical_tag TEXT,
    note TEXT
  ),
  column_descriptions (
    alias = 'The tag to replace, in any spelling.',
    canonical_tag = 'The tag that replaces it, spelled as it shall be shown. The same tag as the alias: the spelling is approved, and the tag is known even where no sample carries it.',
    note = 'Why, and who says so.'
  ),
  grain alias,
  audits (
    UNIQUE_VALUES(columns := (
      alias
    )),
    NOT_NULL(columns := (alias, canonical_tag))
  ),
  tags (
    normalization
  )
)