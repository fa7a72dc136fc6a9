MODEL (
  name tacos_internal.judge_measures,
  kind FULL,
  description 'One row: what the failure signatures of judging measure, of the worst judge each; NULL where there is nothing to measure.',
  column_descriptions (
    n_judges = 'Judges with a usable judgment.',
    flat_cluster_share = 'Share of flat clusters, of the judge with most.',
    flip_rate = 'Flip rate of the LLM judge that surely flips most.',
    flip_rate_low = 'Lower end of its 95% interval.',
    is_worse_than_chance = 'Whether an LLM judge surely changes the winner more often than not: flip_rate_low is above 0.5, of at least 20 decided pairs.',
    position_shift = 'Largest mean position shift of an LLM judge with at least 30 pairs in both orders, in points, whatever its direction.',
    length_correlation = 'Strongest correlation of score and length of a judge with at least 30 scores, the offline heuristic included, whatever its sign.',
    highest_score = 'Highest score of the judge that goes least high, of those with at least 20 scores.'
  ),
  grain n_judges,
  audits (UNIQUE_VALUES(columns := (
      n_judges
    )), NOT_NULL(columns := (
      n_judges
  ))),
  tags (
    diagnostics
  )
);

/* The offline heuristic scores each sample alone: it cannot flip, nor favour a place. What it takes length for shows. */
WITH judges AS (
  SELECT
    flat_cluster_share,
    n_pairs,
    n_decided_pairs,
    flip_rate,
    flip_rate_low,
    mean_position_shift,
    n_scores,
    length_correlation,
    highest_score,
    NOT model_name LIKE 'offline-heuristic%' AS is_llm,
    ROW_NUMBER() OVER (
      PARTITION BY model_name LIKE 'offline-heuristic%'
      ORDER BY flip_rate_low DESC, flip_rate DESC, model_name
    ) AS flip_rank
  FROM tacos.judge_reliability
)
SELECT
  COUNT(*)::BIGINT AS n_judges,
  MAX(flat_cluster_share)::DOUBLE AS flat_cluster_share,
  MAX(CASE WHEN is_llm AND flip_rank = 1 THEN flip_rate END)::DOUBLE AS flip_rate,
  MAX(CASE WHEN is_llm AND flip_rank = 1 THEN flip_rate_low END)::DOUBLE AS flip_rate_low,
  COALESCE(
    BOOL_OR(CAST(is_llm AND n_decided_pairs >= 20 AND flip_rate_low > 0.5 AS BOOLEAN)),
    FALSE
  )::BOOLEAN AS is_worse_than_chance,
  MAX(CASE WHEN is_llm AND n_pairs >= 30 THEN ABS(mean_position_shift) END)::DOUBLE AS position_shift,
  MAX(CASE WHEN n_scores >= 30 THEN ABS(length_correlation) END)::DOUBLE AS length_correlation,
  MIN(CASE WHEN n_scores >= 20 THEN highest_score END)::DOUBLE AS highest_score
FROM judges