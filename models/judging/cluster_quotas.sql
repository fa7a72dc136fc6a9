MODEL (
  name tacos_internal.cluster_quotas,
  kind FULL,
  description 'One row per cluster with candidates: how many of them are to be kept if every cluster gives its best in turn.',
  column_descriptions (
    cluster_id = 'The cluster.',
    n_candidates = 'Candidates of the cluster.',
    n_planned = 'How many are to be kept: exact where a sample belongs to one cluster, else a forecast.',
    quota = 'An even share of selection_size, rounded up: what the paper''s profile takes in one turn.',
    selection_size = 'How many samples are to be kept in all.'
  ),
  grain cluster_id,
  audits (
    UNIQUE_VALUES(columns := (
      cluster_id
    )),
    NOT_NULL(columns := (n_candidates, n_planned, quota, selection_size)),
    QUOTAS_ADD_UP_TO_THE_SELECTION_SIZE,
    QUOTAS_COUNT_THE_CANDIDATES
  ),
  tags (
    judging
  )
);

WITH counts AS (
  SELECT
    COUNT(*) AS n_samples
  FROM tacos.samples
), totals AS (
  SELECT
    @SELECTION_SIZE(n_samples) AS selection_size
  FROM counts
), sizes AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_candidates
  FROM tacos_internal.memberships
  WHERE
    is_candidate
  GROUP BY
    cluster_id
), quotas AS (
  SELECT
    sizes.cluster_id,
    sizes.n_candidates,
    totals.selection_size,
    CEIL(totals.selection_size / (
      COUNT(*) OVER () * 1.0
    )) AS quota
  FROM sizes
  CROSS JOIN totals
), turns /* The n-th slot of a cluster is filled in its n-th turn, whoever fills it. */ AS (
  SELECT
    quotas.cluster_id,
    quotas.n_candidates,
    quotas.selection_size,
    quotas.quota,
    slots.slot_rank,
    @SELECTION_TURN(slots.slot_rank, quotas.quota) AS turn
  FROM quotas
  CROSS JOIN UNNEST(GENERATE_SERIES(1, LEAST(quotas.n_candidates, @CLUSTER_CAP()))) AS slots(slot_rank)
)
SELECT
  cluster_id::INT AS cluster_id,
  MAX(n_candidates)::BIGINT AS n_candidates,
  (
    COUNT(*) FILTER(WHERE
      turn_order <= selection_size)
  )::BIGINT AS n_planned,
  MAX(quota)::BIGINT AS quota,
  MAX(selection_size)::BIGINT AS selection_size
FROM @IN_TURNS(turns, slot_rank) AS ordered
GROUP BY
  cluster_id