MODEL (
  name tacos_internal.generic_tags,
  kind SEED (
    path '$root/seeds/generic_tags.csv'
  ),
  description 'One row per tag that fits every sample, so that it says nothing of any: a list to be read and changed.',
  columns (
    tag TEXT,
    note TEXT
  ),
  column_descriptions (
    tag = 'The tag after the text rules, in lower case.',
    note = 'Why it says nothing.'
  ),
  grain tag,
  audits (UNIQUE_VALUES(columns := (
      tag
  )), NOT_NULL(columns := (tag, note))),
  tags (
    diagnostics
  )
)