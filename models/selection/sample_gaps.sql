MODEL (
  name tacos_internal.sample_gaps,
  kind EMBEDDED,
  description 'One row per sample: how far its score is from the cut-off of its cluster, which is the last one kept for a dropped sample, the next in line for a kept one.',
  column_descriptions (
    sample_id = 'The sample.',
    is_selected = 'Whether it is kept.',
    membership = 'Why it competes where it does, or why it does not.',
    cluster_rank = 'Its rank in its cluster; NULL if it was not judged.',
    n_places = 'How many places more for its cluster would keep it or, of a kept one, how many fewer would drop it, at least 1; NULL if none is kept there.',
    last_kept_id = 'The last one kept there.',
    next_id = 'The next in line there.',
    rival_id = 'The last one kept or the next in line, whichever it is held against; NULL if there is none.',
    score_gap = 'Its cluster_score less that of its rival: above 0 it is the better one; NULL where one of them has none.',
    gap_error = 'Standard error of the difference: the root of the sum of both squared errors; NULL where it cannot be told.'
  ),
  grain sample_id,
  tags (
    selection
  )
);

SELECT
  outcomes.sample_id::TEXT AS sample_id,
  outcomes.is_selected::BOOLEAN AS is_selected,
  outcomes.membership::TEXT AS membership,
  outcomes.cluster_rank::BIGINT AS cluster_rank,
  CASE
    WHEN NOT outcomes.last_kept_rank IS NULL
    THEN GREATEST(
      1,
      CASE
        WHEN outcomes.is_selected
        THEN outcomes.last_kept_rank - outcomes.cluster_rank + 1
        ELSE outcomes.cluster_rank - outcomes.last_kept_rank
      END
    )
  END::BIGINT AS n_places,
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
  SQRT(
    scores.cluster_score_error * scores.cluster_score_error + CASE
      WHEN outcomes.is_selected
      THEN cutoffs.next_error * cutoffs.next_error
      ELSE cutoffs.last_kept_error * cutoffs.last_kept_error
    END
  )::DOUBLE AS gap_error
FROM tacos_internal.sample_outcomes AS outcomes
LEFT JOIN tacos.sample_scores AS scores
  ON scores.sample_id = outcomes.sample_id AND scores.cluster_id = outcomes.cluster_id
LEFT JOIN tacos_internal.cluster_cutoffs AS cutoffs
  ON cutoffs.cluster_id = outcomes.cluster_id