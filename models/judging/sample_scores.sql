MODEL (
  name tacos.sample_scores,
  kind FULL,
  depends_on (
    tacos_internal.memberships
  ),
  description 'One row per candidate and cluster: its score after the last round, how sure it is, and its rank.',
  column_descriptions (
    sample_id = 'The candidate.',
    cluster_id = 'Its cluster.',
    cluster_score = 'Its value among the samples of its cluster, from all its comparisons: 0 is an average sample of the cluster, higher is better; comparable inside the cluster only; NULL if it was compared with none.',
    cluster_score_error = 'One standard error of cluster_score, in its unit: two samples nearer than about twice this are not told apart; NULL where it cannot be told.',
    n_comparisons = 'Partners it was compared with.',
    n_judgments = 'Usable judgments it took part in.',
    n_failed_judgments = 'Judgments of it that failed and are left out.',
    judge_score = 'Mean of the scores (1-100) that it was given; two judges may scale differently: compare by cluster_score. NULL without a judgment.',
    cluster_rank = 'Rank in the cluster, 1 the best, ties by sample_id; a sample without a score ranks as an average one.',
    judge_model = 'Who judged it: a model, or "offline heuristic, not an LLM judge"; of two, in the order of the rounds: "one, then another"; NULL if nobody had to.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, cluster_rank)),
    NOT_NULL(columns := (n_comparisons, n_judgments, n_failed_judgments, cluster_rank)),
    CANDIDATES_AND_ONLY_THEY_ARE_SCORED
  ),
  tags (
    judging
  )
);

WITH sides AS (
  SELECT
    cluster_id,
    first_sample_id AS sample_id,
    judging_round,
    error,
    model_name
  FROM tacos.pair_scores
  UNION ALL
  SELECT
    cluster_id,
    second_sample_id AS sample_id,
    judging_round,
    error,
    model_name
  FROM tacos.pair_scores
), judges AS (
  SELECT
    cluster_id,
    sample_id,
    CASE
      WHEN model_name LIKE 'offline-heuristic%'
      THEN model_name || ': offline heuristic, not an LLM judge'
      ELSE model_name
    END AS judge_model,
    MIN(judging_round) AS opening_round,
    COUNT(error) AS n_failed_judgments
  FROM sides
  GROUP BY
    cluster_id,
    sample_id,
    model_name
), calls AS (
  SELECT
    cluster_id,
    sample_id,
    SUM(n_failed_judgments) AS n_failed_judgments,
    ARRAY_TO_STRING(
      LIST_TRANSFORM(
        LIST_SORT(ARRAY_AGG(opening_round::TEXT || ' ' || judge_model)),
        judge -> SUBSTRING(judge, 3)
      ),
      ', then '
    ) AS judge_model
  FROM judges
  GROUP BY
    cluster_id,
    sample_id
)
SELECT
  scores.sample_id::TEXT AS sample_id,
  scores.cluster_id::INT AS cluster_id,
  CASE WHEN scores.n_comparisons > 0 THEN scores.score END::DOUBLE AS cluster_score,
  CASE WHEN scores.n_comparisons > 0 THEN scores.standard_error END::DOUBLE AS cluster_score_error,
  scores.n_comparisons::BIGINT AS n_comparisons,
  scores.n_judgments::BIGINT AS n_judgments,
  COALESCE(calls.n_failed_judgments, 0)::BIGINT AS n_failed_judgments,
  scores.judge_score::DOUBLE AS judge_score,
  (
    ROW_NUMBER() OVER (PARTITION BY scores.cluster_id ORDER BY scores.score DESC, scores.sample_id)
  )::BIGINT AS cluster_rank,
  calls.judge_model::TEXT AS judge_model
FROM @LAST_SCORES() AS scores
LEFT JOIN calls
  ON calls.cluster_id = scores.cluster_id AND calls.sample_id = scores.sample_id