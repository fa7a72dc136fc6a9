MODEL (
  name tacos_internal.stem_exceptions,
  kind SEED (
    path '$root/seeds/stem_exceptions.csv'
  ),
  description 'One row per language and word whose stem a person corrected, because the stemmer would merge different meanings.',
  columns (
    language TEXT,
    word TEXT,
    stem TEXT,
    note TEXT
  ),
  column_descriptions (
    language = 'Language of the stemmer, as in the variable stemming_language.',
    word = 'The word in lower case.',
    stem = 'The stem to use instead.',
    note = 'What the stemmer would have merged it with.'
  ),
  grain (language, word),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (language, word)),
    NOT_NULL(columns := (language, word, stem))
  ),
  tags (
    normalization
  )
)