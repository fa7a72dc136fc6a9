MODEL (
  name tacos.pair_replies,
  kind VIEW,
  description 'One row per ordered pair: what the judge answered, or why there is no usable answer, of all rounds.',
  column_descriptions (
    pair_id = 'The judged pair.',
    raw_reply = 'The last reply as received; of the offline heuristic the features as JSON; NULL if none came.',
    scores = 'Scores (1-100) read from the reply; NULL if there is no usable reply.',
    error = 'Why there is no usable reply, beginning with the kind of the error; NULL if there is one.',
    is_cut = 'Whether one of the texts was cut at max_prompt_chars.',
    n_attempts = 'Replies asked for until one could be read, cached ones included; 0 for the offline heuristic.',
    model_name = 'The judge: a model, or the offline heuristic, which is not an LLM.',
    request_key = 'Key of the reply in the response cache; NULL for the offline heuristic.',
    n_prompt_tokens = 'Tokens of the request; NULL if the endpoint does not say.',
    n_completion_tokens = 'Tokens of the reply; NULL if the endpoint does not say.',
    is_cached = 'Whether the reply had been paid for before.',
    requested_at = 'When the reply was received from the judge (UTC); NULL for the offline heuristic.',
    prompt_sha256 = 'sha256 of the prompt that was used; NULL for the offline heuristic.',
    code_digest = 'Digest of the code that asked and parsed.'
  ),
  grain pair_id,
  audits (
    UNIQUE_VALUES(columns := (
      pair_id
    )),
    NOT_NULL(columns := (pair_id, n_attempts, model_name))
  ),
  tags (
    judging
  )
);

SELECT
  pair_id::TEXT AS pair_id,
  raw_reply::TEXT AS raw_reply,
  scores,
  error::TEXT AS error,
  is_cut::BOOLEAN AS is_cut,
  n_attempts::INT AS n_attempts,
  model_name::TEXT AS model_name,
  request_key::TEXT AS request_key,
  n_prompt_tokens::BIGINT AS n_prompt_tokens,
  n_completion_tokens::BIGINT AS n_completion_tokens,
  is_cached::BOOLEAN AS is_cached,
  requested_at::TIMESTAMP AS requested_at,
  prompt_sha256::TEXT AS prompt_sha256,
  code_digest::TEXT AS code_digest
FROM @REPLIES_OF_ROUNDS(@LAST_JUDGING_ROUND()) AS replies