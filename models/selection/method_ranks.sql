MODEL (
  name tacos_internal.method_ranks,
  kind EMBEDDED,
  description 'One row per simple way to choose, cluster and candidate: the candidate''s rank in the cluster by that way.',
  column_descriptions (
    method = 'random: by hash; longest_response; own_scores: mean of the scores in the first round, as the paper scores; singleton_score: samples judged alone, if singleton_scores is filled.',
    cluster_id = 'The cluster.',
    sample_id = 'The candidate.',
    n_planned = 'How many of the cluster are to be kept.',
    method_rank = 'Its rank by the method, 1 the best.'
  ),
  grain (method, cluster_id, sample_id),
  tags (
    selection
  )
);

WITH first_scores AS (
  SELECT
    cluster_id,
    first_sample_id AS sample_id,
    first_score AS own_score
  FROM tacos.pair_scores
  WHERE
    judging_round = 1
  UNION ALL
  SELECT
    cluster_id,
    second_sample_id AS sample_id,
    second_score AS own_score
  FROM tacos.pair_scores
  WHERE
    judging_round = 1
), own_scores AS (
  SELECT
    cluster_id,
    sample_id,
    @MEAN(own_score) AS own_score
  FROM first_scores
  GROUP BY
    cluster_id,
    sample_id
), members AS (
  SELECT
    scores.cluster_id,
    scores.sample_id,
    quotas.n_planned,
    LENGTH(samples.response) AS n_response_chars,
    own_scores.own_score,
    singletons.score AS singleton_score
  FROM tacos.sample_scores AS scores
  INNER JOIN tacos_internal.cluster_quotas AS quotas
    ON quotas.cluster_id = scores.cluster_id
  INNER JOIN tacos.samples AS samples
    ON samples.sample_id = scores.sample_id
  LEFT JOIN own_scores
    ON own_scores.cluster_id = scores.cluster_id
    AND own_scores.sample_id = scores.sample_id
  LEFT JOIN tacos_internal.singleton_scores AS singletons
    ON singletons.sample_id = scores.sample_id
), ranked AS (
  SELECT
    'random' AS method,
    cluster_id,
    sample_id,
    n_planned,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY MD5('random-' || sample_id)) AS method_rank
  FROM members
  UNION ALL
  SELECT
    'longest_response' AS method,
    cluster_id,
    sample_id,
    n_planned,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY n_response_chars DESC, sample_id) AS method_rank
  FROM members
  UNION ALL
  SELECT
    'own_scores' AS method,
    cluster_id,
    sample_id,
    n_planned,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY COALESCE(own_score, 0) DESC, sample_id) AS method_rank
  FROM members
  UNION ALL
  SELECT
    'singleton_score' AS method,
    cluster_id,
    sample_id,
    n_planned,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY singleton_score DESC, sample_id) AS method_rank
  FROM members
  WHERE
    NOT singleton_score IS NULL
)
SELECT
  method::TEXT AS method,
  cluster_id::INT AS cluster_id,
  sample_id::TEXT AS sample_id,
  n_planned::BIGINT AS n_planned,
  method_rank::BIGINT AS method_rank
FROM ranked