MODEL (
  name tacos_internal.sample_judgments,
  kind EMBEDDED,
  description 'One row per judged sample: all its judgments, a line each.',
  column_descriptions (
    sample_id = 'The sample.',
    judgments = 'In the order of clusters and rounds: "cluster 3, round 1, read first: won 80 to 60 against 0f3c2a91 (Write a poem), by gpt-6-luna".'
  ),
  grain sample_id,
  tags (
    selection
  )
);

SELECT
  sides.sample_id::TEXT AS sample_id,
  LIST_SORT(
    ARRAY_AGG(
      'cluster ' || sides.cluster_id::TEXT || ', round ' || sides.judging_round::TEXT || ', read ' || sides.place || ': ' || sides.outcome || CASE
        WHEN sides.error IS NULL
        THEN ' ' || sides.own_score::TEXT || ' to ' || sides.opponent_score::TEXT
        ELSE ''
      END || ' against ' || SUBSTRING(sides.opponent_id, 1, 8) || ' (' || SUBSTRING(opponents.instruction, 1, 40) || '), by ' || sides.model_name || COALESCE(': ' || sides.error, '')
    )
  )::TEXT[] AS judgments
FROM tacos_internal.judgment_sides AS sides
INNER JOIN tacos.samples AS opponents
  ON opponents.sample_id = sides.opponent_id
GROUP BY
  sides.sample_id