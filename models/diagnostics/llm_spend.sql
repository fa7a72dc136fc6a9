MODEL (
  name tacos.llm_spend,
  kind FULL,
  description 'One row per stage, model and way of paying: calls, tokens, time and dollars so far, of all environments.',
  column_descriptions (
    stage = 'The stage that asked.',
    model_name = 'The model that answered, if its price is known, else the one that was asked.',
    payment = 'How it was paid: here, batch, imported or free.',
    n_calls = 'Replies received.',
    n_repeated = 'Replies beyond the first to the same question, because others could not be read.',
    n_prompt_tokens = 'Tokens of the requests.',
    n_cached_prompt_tokens = 'The part of them that the endpoint had cached.',
    n_cache_write_tokens = 'The part of them that it wrote to its cache, at a price of its own; NULL if it said none.',
    n_completion_tokens = 'Tokens of the replies.',
    median_latency_ms = 'Median time of a call in milliseconds; NULL through the batch API.',
    cost_usd = 'US dollars; NULL if the price of the model is unknown.'
  ),
  grain (stage, model_name, payment),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (stage, model_name, payment)),
    NOT_NULL(columns := (n_calls, n_repeated))
  ),
  tags (
    diagnostics
  )
);

SELECT
  stage::TEXT AS stage,
  model_name::TEXT AS model_name,
  payment::TEXT AS payment,
  COUNT(*)::BIGINT AS n_calls,
  (
    COUNT(*) FILTER(WHERE
      attempt > 1)
  )::BIGINT AS n_repeated,
  SUM(n_prompt_tokens)::BIGINT AS n_prompt_tokens,
  SUM(n_cached_prompt_tokens)::BIGINT AS n_cached_prompt_tokens,
  SUM(n_cache_write_tokens)::BIGINT AS n_cache_write_tokens,
  SUM(n_completion_tokens)::BIGINT AS n_completion_tokens,
  MEDIAN(latency_ms)::DOUBLE AS median_latency_ms,
  CASE WHEN COUNT(*) = COUNT(cost_usd) THEN SUM(cost_usd::DECIMAL(18, 12)) END::DOUBLE AS cost_usd
FROM tacos.llm_calls
GROUP BY
  stage,
  model_name,
  payment