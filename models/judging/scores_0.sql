MODEL (
  name tacos_internal.scores_0,
  kind FULL,
  description 'One row per candidate and cluster: the value 0 that every candidate has before any comparison.',
  column_descriptions (
    sample_id = 'The candidate.',
    cluster_id = 'Its cluster.',
    node_no = 'Number of the candidate, its cluster times 2^32 plus its place in it: the short key of the estimator.',
    score = '0: an average sample of its cluster.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (node_no, score))
  ),
  tags (
    judging
  )
);

SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  (
    cluster_id::BIGINT * 4294967296 + ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY sample_id)
  )::BIGINT AS node_no,
  0::DOUBLE AS score
FROM tacos_internal.memberships
WHERE
  is_candidate