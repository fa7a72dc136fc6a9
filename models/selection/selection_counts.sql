MODEL (
  name tacos_internal.selection_counts,
  kind FULL,
  description 'One row: how many samples there are, were judged, were to be kept and are kept, and why it is fewer if it is.',
  column_descriptions (
    n_samples = 'Samples of the dataset.',
    n_candidates = 'Samples that may be kept.',
    n_clusters = 'Clusters with candidates.',
    n_judge_calls = 'Judge calls of all rounds, cached ones included.',
    n_failed_judgments = 'Judge calls without a usable reply, left out of the scores.',
    selection_size = 'Samples to keep.',
    n_selected = 'Samples kept.',
    n_clusters_selected = 'Clusters of which at least one sample is kept.',
    shortfall = 'Why fewer are kept than asked for; NULL if they are not.'
  ),
  grain selection_size,
  audits (
    UNIQUE_VALUES(columns := (
      selection_size
    )),
    NOT_NULL(columns := (n_samples, n_candidates, selection_size, n_selected)),
    AS_MANY_SAMPLES_ARE_KEPT_AS_ASKED_FOR
  ),
  tags (
    selection
  )
);

WITH samples AS (
  SELECT
    COUNT(*) AS n_samples
  FROM tacos.samples
), candidates AS (
  SELECT
    COUNT(DISTINCT sample_id) AS n_candidates
  FROM tacos_internal.memberships
  WHERE
    is_candidate
), quotas AS (
  SELECT
    COUNT(*) AS n_clusters,
    MAX(selection_size) AS selection_size
  FROM tacos_internal.cluster_quotas
), calls AS (
  SELECT
    COUNT(*) AS n_judge_calls,
    COUNT(error) AS n_failed_judgments
  FROM tacos.pair_scores
), kept AS (
  SELECT
    COUNT(*) AS n_selected,
    COUNT(DISTINCT cluster_id) AS n_clusters_selected
  FROM tacos.selected
)
SELECT
  samples.n_samples::BIGINT AS n_samples,
  candidates.n_candidates::BIGINT AS n_candidates,
  quotas.n_clusters::BIGINT AS n_clusters,
  calls.n_judge_calls::BIGINT AS n_judge_calls,
  calls.n_failed_judgments::BIGINT AS n_failed_judgments,
  quotas.selection_size::BIGINT AS selection_size,
  kept.n_selected::BIGINT AS n_selected,
  kept.n_clusters_selected::BIGINT AS n_clusters_selected,
  CASE
    WHEN kept.n_selected >= quotas.selection_size
    THEN NULL
    WHEN kept.n_selected = candidates.n_candidates
    THEN 'all candidates are kept: there are fewer than selection_size asks for'
    ELSE 'samples_per_cluster allows no more: raise it, or set it to 0'
  END::TEXT AS shortfall
FROM samples
CROSS JOIN candidates
CROSS JOIN quotas
CROSS JOIN calls
CROSS JOIN kept