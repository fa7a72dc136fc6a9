MODEL (
  name tacos_internal.selection_comparison,
  kind FULL,
  description 'One row per way to choose as many samples of each cluster: how much it shares with the selection, and what it keeps.',
  column_descriptions (
    method = 'selected: the selection; random: by hash; longest_response; own_scores: mean of the scores in the first round, as the paper scores; singleton_score: samples judged alone, if singleton_scores is filled.',
    n_selected = 'Samples chosen.',
    n_shared = 'How many of them are selected.',
    shared_share = 'n_shared as a share of n_selected.',
    mean_cluster_score = 'Mean cluster_score of those that have one: how good the comparisons find what is kept.',
    mean_judge_score = 'Mean of the scores (1-100) that the judge gave them.',
    mean_response_chars = 'Mean length of their responses in characters.',
    judge_model = 'Who judged: a model, or "offline heuristic, not an LLM judge"; NULL if nobody had to.'
  ),
  grain method,
  audits (
    UNIQUE_VALUES(columns := (
      method
    )),
    NOT_NULL(columns := (method, n_selected, n_shared))
  ),
  tags (
    selection
  )
);

WITH chosen AS (
  SELECT
    method,
    cluster_id,
    sample_id
  FROM tacos_internal.method_ranks
  WHERE
    method_rank <= n_planned
  UNION ALL
  SELECT
    'selected' AS method,
    cluster_id,
    sample_id
  FROM tacos.selected
), described AS (
  SELECT
    chosen.method,
    chosen.sample_id,
    selected.sample_id AS selected_id,
    scores.cluster_score,
    scores.judge_score,
    scores.judge_model,
    LENGTH(samples.response) AS n_response_chars
  FROM chosen
  INNER JOIN tacos.sample_scores AS scores
    ON scores.cluster_id = chosen.cluster_id AND scores.sample_id = chosen.sample_id
  INNER JOIN tacos.samples AS samples
    ON samples.sample_id = chosen.sample_id
  LEFT JOIN tacos.selected AS selected
    ON selected.sample_id = chosen.sample_id
)
SELECT
  method::TEXT AS method,
  COUNT(DISTINCT sample_id)::BIGINT AS n_selected,
  COUNT(DISTINCT selected_id)::BIGINT AS n_shared,
  (
    COUNT(DISTINCT selected_id) / COUNT(DISTINCT sample_id)::DOUBLE
  )::DOUBLE AS shared_share,
  @MEAN(@MILLIONTHS(cluster_score))::DOUBLE AS mean_cluster_score,
  @MEAN(@MILLIONTHS(judge_score))::DOUBLE AS mean_judge_score,
  @MEAN(n_response_chars)::DOUBLE AS mean_response_chars,
  MAX(judge_model)::TEXT AS judge_model
FROM described
GROUP BY
  method