MODEL (
  name tacos_internal.model_prices,
  kind SEED (
    path '$root/seeds/model_prices.csv'
  ),
  description 'One row per model with a known price. Other models are counted in tokens, and their cost is NULL.',
  columns (
    model_name TEXT,
    input_usd_per_million DOUBLE,
    cached_input_usd_per_million DOUBLE,
    cache_write_usd_per_million DOUBLE,
    output_usd_per_million DOUBLE,
    valid_on DATE,
    source TEXT
  ),
  column_descriptions (
    model_name = 'Name of the model; one with a date at its end is looked up with it first, then without.',
    input_usd_per_million = 'US dollars per million prompt tokens.',
    cached_input_usd_per_million = 'US dollars per million prompt tokens that the endpoint had cached.',
    cache_write_usd_per_million = 'US dollars per million prompt tokens that the endpoint writes to its cache.',
    output_usd_per_million = 'US dollars per million completion tokens, reasoning included.',
    valid_on = 'When the price was noted.',
    source = 'Where it stands.'
  ),
  grain model_name,
  audits (
    UNIQUE_VALUES(columns := (
      model_name
    )),
    NOT_NULL(
      columns := (
        model_name,
        input_usd_per_million,
        cached_input_usd_per_million,
        cache_write_usd_per_million,
        output_usd_per_million
      )
    )
  ),
  tags (
    diagnostics
  )
)