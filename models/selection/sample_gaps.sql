MODEL (
  name tacos_internal.sample_gaps,
  kind EMBEDDED,
  description 'One row per sample: how far its score is from the cut-off of its cluster, which is the last one kept for a dropped sample, the next in line for a kept one.',
  column_descriptions (
    sample_id = 'The sample.',
    is_selected = 'Whether it is kept.',
    membership = 'Why it competes where it does, or why it does not.',
    cluster_rank = 'Its rank in its cluster; NULL if it was not judged.',
    n_places = 'How many places more for its cluster would keep it or, of a kept one, how many fewer would drop it; those who are kept for another cluster take none. NULL if none is kept there, or it was not judged.',
    last_kept_id = 'The last one kept there.',
    next_id = 'The next in line there.',
    rival_id = 'The last one kept or the next in line, whichever it is held against; NULL if there is none.',
    score_gap = 'Its cluster_score less that of its rival: above 0 it is the better one; NULL where one of them has none.',
    is_heuristic = 'Whether the offline heuristic judged it, which scores a sample alike against any other; NULL if nobody judged it.',
    gap_error = 'Standard error of the difference: the root of the sum of both squared errors; NULL where it cannot be told.'
  ),
  grain sample_id,
  tags (
    selection
  )
);

WITH standing AS (
  SELECT
    scores.cluster_id,
    scores.sample_id,
    scores.cluster_rank,
    scores.cluster_score,
    scores.cluster_score_error,
    scores.judge_model LIKE '%offline heuristic%' AS is_heuristic,
    CASE
      WHEN selected.sample_id IS NULL
      THEN 'dropped'
      WHEN selected.cluster_id = scores.cluster_id
      THEN 'kept'
      ELSE 'kept elsewhere'
    END AS side
  FROM tacos.sample_scores AS scores
  LEFT JOIN tacos.selected AS selected
    ON selected.sample_id = scores.sample_id
), counted AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY cluster_id, side
      ORDER BY CASE WHEN side = 'dropped' THEN cluster_rank ELSE -cluster_rank END
    ) AS n_places
  FROM standing
)
SELECT
  outcomes.sample_id::TEXT AS sample_id,
  outcomes.is_selected::BOOLEAN AS is_selected,
  outcomes.membership::TEXT AS membership,
  outcomes.cluster_rank::BIGINT AS cluster_rank,
  CASE WHEN NOT outcomes.last_kept_rank IS NULL THEN scores.n_places END::BIGINT AS n_places,
  cutoffs.last_kept_id::TEXT AS last_kept_id,
  cutoffs.next_id::TEXT AS next_id,
  CASE WHEN outcomes.is_selected THEN cutoffs.next_id ELSE cutoffs.last_kept_id END::TEXT AS rival_id,
  (
    scores.cluster_score - CASE
      WHEN outcomes.is_selected
      THEN cutoffs.next_score
      ELSE cutoffs.last_kept_score
    END
  )::DOUBLE AS score_gap,
  scores.is_heuristic::BOOLEAN AS is_heuristic,
  SQRT(
    scores.cluster_score_error * scores.cluster_score_error + CASE
      WHEN outcomes.is_selected
      THEN cutoffs.next_error * cutoffs.next_error
      ELSE cutoffs.last_kept_error * cutoffs.last_kept_error
    END
  )::DOUBLE AS gap_error
FROM tacos_internal.sample_outcomes AS outcomes
LEFT JOIN counted AS scores
  ON scores.sample_id = outcomes.sample_id AND scores.cluster_id = outcomes.cluster_id
LEFT JOIN tacos_internal.cluster_cutoffs AS cutoffs
  ON cutoffs.cluster_id = outcomes.cluster_id