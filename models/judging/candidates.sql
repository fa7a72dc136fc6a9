MODEL (
  name tacos_internal.candidates,
  kind VIEW,
  description 'One row per sample and cluster in which it goes to the judge and can be kept.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster; -1 holds the samples without a tag.',
    n_tags = 'Number of the sample''s normalized tags in the cluster; 0 in cluster -1.',
    reason = 'Why it competes there.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (sample_id, cluster_id, reason))
  ),
  tags (
    judging
  )
);

SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  n_tags::INT AS n_tags,
  reason::TEXT AS reason
FROM tacos_internal.memberships
WHERE
  is_candidate