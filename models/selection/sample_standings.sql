MODEL (
  name tacos_internal.sample_standings,
  kind EMBEDDED,
  description 'One row per sample: how it stands to the cut-off in plain words, and what would have to be different.',
  column_descriptions (
    sample_id = 'The sample.',
    last_kept_id = 'The last one kept in its cluster; NULL if none is.',
    next_in_line_id = 'The first of its cluster that is not kept; NULL if all are.',
    standing = 'Its score beside the cut-off: "1.7 standard errors (3.2 points) below the last one kept".',
    outlook = 'What would have to be different for it to change sides, and whether more judgments could do it: whether the two scores differ by more than 1.96 standard errors of their difference.'
  ),
  grain sample_id,
  tags (
    selection
  )
);

WITH worded AS (
  SELECT
    sample_id,
    is_selected,
    membership,
    cluster_rank,
    last_kept_id,
    next_id,
    rival_id,
    score_gap,
    is_heuristic,
    gap_error,
    CASE WHEN is_selected THEN 'the next in line' ELSE 'the last one kept' END AS rival,
    CASE
      WHEN score_gap > 0
      THEN 'above'
      WHEN score_gap < 0
      THEN 'below'
      ELSE 'level with'
    END AS side,
    ABS(score_gap)::DECIMAL(18, 1)::TEXT || ' points' AS points,
    CAST(ABS(score_gap) / NULLIF(gap_error, 0) AS DECIMAL(18, 1))::TEXT || ' standard errors' AS errors,
    n_places::TEXT || CASE WHEN n_places = 1 THEN ' place ' ELSE ' places ' END || CASE WHEN is_selected THEN 'fewer' ELSE 'more' END || ' for its cluster' AS places
  FROM tacos_internal.sample_gaps
)
SELECT
  sample_id::TEXT AS sample_id,
  last_kept_id::TEXT AS last_kept_id,
  next_id::TEXT AS next_in_line_id,
  CASE
    WHEN cluster_rank IS NULL
    THEN 'not judged'
    WHEN rival_id IS NULL
    THEN CASE
      WHEN is_selected
      THEN 'all of its cluster are kept'
      ELSE 'none of its cluster is kept'
    END
    WHEN score_gap IS NULL
    THEN 'it or ' || rival || ' was compared with none, and ranks as an average sample of the cluster'
    ELSE COALESCE(errors || ' (' || points || ')', points) || ' ' || side || ' ' || rival
  END::TEXT AS standing,
  CASE
    WHEN cluster_rank IS NULL
    THEN 'no judgment: ' || membership
    WHEN rival_id IS NULL AND is_selected
    THEN 'no judgment could: all of its cluster are kept; a smaller selection_size could'
    WHEN rival_id IS NULL
    THEN 'no judgment could: the budget ends before its cluster; a larger selection_size could'
    WHEN score_gap IS NULL
    THEN 'judgments could, as it or ' || rival || ' was compared with none; or ' || places
    WHEN is_heuristic
    THEN 'another judge could, not more judgments: the offline heuristic scores a sample alike against any other; or ' || places
    WHEN gap_error IS NULL
    THEN 'a score ' || points || CASE WHEN is_selected THEN ' lower' ELSE ' higher' END || '; how likely more judgments make it cannot be told; or ' || places
    WHEN ABS(score_gap) <= 1.96 * gap_error
    THEN 'more judgments could: the two scores are not told apart; or ' || places
    ELSE 'a score ' || points || CASE WHEN is_selected THEN ' lower' ELSE ' higher' END || ', which more judgments are unlikely to make; or ' || places
  END::TEXT AS outlook
FROM worded