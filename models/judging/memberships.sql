MODEL (
  name tacos_internal.memberships,
  kind FULL,
  description 'One row per sample and cluster that it or one of its tags is in: whether it goes to the judge there, and why or why not.',
  column_descriptions (
    sample_id = 'The sample.',
    cluster_id = 'The cluster; -1 holds the samples without a tag.',
    n_tags = 'Number of the sample''s normalized tags in the cluster; 0 in cluster -1.',
    is_candidate = 'Whether the sample is judged, and can be kept, as a member of the cluster.',
    reason = 'Why it is a candidate, or why it is not.'
  ),
  grain (sample_id, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, cluster_id)),
    NOT_NULL(columns := (sample_id, cluster_id, is_candidate, reason)),
    EVERY_SAMPLE_IS_IN_A_CLUSTER,
    MEMBERSHIPS_ARE_THE_CLUSTERS_OF_THE_SAMPLES
  ),
  tags (
    judging
  )
);

WITH memberships AS (
  SELECT
    sample_id,
    cluster_id,
    n_tags,
    is_primary,
    MAX(CASE WHEN is_primary THEN cluster_id END) OVER (PARTITION BY sample_id) AS primary_cluster_id
  FROM tacos.clusters
), cluster_sets AS (
  SELECT
    memberships.sample_id,
    ARRAY_TO_STRING(LIST_SORT(ARRAY_AGG(DISTINCT memberships.cluster_id::TEXT)), ',') AS cluster_set,
    MAX(LENGTH(samples.response)) AS n_response_chars
  FROM memberships
  INNER JOIN tacos.samples AS samples
    ON samples.sample_id = memberships.sample_id
  GROUP BY
    memberships.sample_id
), representatives /* The samples without tags share no known intention: each stands for itself. */ AS (
  SELECT
    sample_id,
    FIRST_VALUE(sample_id) OVER (
      PARTITION BY cluster_set, CASE WHEN cluster_set = '-1' THEN sample_id END
      ORDER BY n_response_chars DESC, sample_id
    ) AS representative_id
  FROM cluster_sets
), judged AS (
  SELECT
    memberships.sample_id,
    memberships.cluster_id,
    memberships.n_tags,
    memberships.primary_cluster_id,
    representatives.representative_id,
    @JUDGING_OPTION('cluster_membership', @cluster_membership) = 'all'
    OR memberships.is_primary AS is_member,
    @JUDGING_OPTION('candidate_rule', @candidate_rule) = 'all'
    OR representatives.representative_id = memberships.sample_id AS is_representative
  FROM memberships
  INNER JOIN representatives
    ON representatives.sample_id = memberships.sample_id
)
SELECT
  sample_id::TEXT AS sample_id,
  cluster_id::INT AS cluster_id,
  n_tags::INT AS n_tags,
  (
    is_member AND is_representative
  )::BOOLEAN AS is_candidate,
  CASE
    WHEN NOT is_representative
    THEN 'not judged: sample ' || representative_id || ' of the same clusters has a longer response'
    WHEN NOT is_member
    THEN @IF(
      @CLUSTER_ON() = 'samples',
      'not judged here: the mean of its tags is nearer to cluster ',
      'not judged here: more of its tags, or a smaller cluster, speak for cluster '
    ) || primary_cluster_id::TEXT
    WHEN cluster_id = -1
    THEN 'judged: it has no tag, and competes with others without one'
    ELSE @IF(
      @cluster_membership = 'all',
      'judged: its tags, or one of them, are in the cluster',
      @IF(
        @CLUSTER_ON() = 'samples',
        'judged: no cluster is nearer to the mean of its tags',
        'judged: the cluster holds most of its tags'
      )
    )
  END::TEXT AS reason
FROM judged