MODEL (
  name tacos.cluster_coherence,
  kind FULL,
  description 'One row per cluster, and one for all: how alike the instructions of its samples are, against random groups of the same sizes, on at most coherence_sample_size samples.',
  column_descriptions (
    scope = 'cluster, or all.',
    cluster_id = 'The cluster; NULL in the row for all.',
    label = 'What the cluster is about; NULL in the row for all.',
    n_samples = 'Samples of the cluster, or of all clusters: those without a tag are in none.',
    n_measured = 'Samples measured, those of the lowest hash.',
    mean_cosine = 'Mean cosine between the instructions of two of them, -1 to 1; for all: the mean of the clusters, weighted by samples. NULL with fewer than two.',
    random_cosine = 'The same of random groups of the same size, on average of 199 permutations.',
    z_score = 'Standard deviations of the random groups by which mean_cosine lies above them: near 0 the cluster is no topic, 3 and more it is. NULL where all groupings are alike.',
    p_value = 'Share of the groupings that are at least as coherent, this one among them: 0.005 at the lowest.',
    silhouette = 'How much nearer a sample is to its own cluster than to the next one, -1 to 1, by cosine distance.',
    single_cluster_share = 'For all: share of the clusters that have one sample, 0 to 1.',
    largest_cluster_share = 'For all: share of the samples that are in the largest cluster, 0 to 1.',
    cluster_agreement = 'For all: lowest adjusted Rand index of the clusters with those of another seed.',
    embedding_model = 'Model that embedded the instructions; NULL where none was measured.'
  ),
  grain (scope, cluster_id),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (scope, cluster_id)),
    NOT_NULL(columns := (scope, n_samples, n_measured))
  ),
  tags (
    diagnostics
  )
);

WITH stability AS (
  SELECT
    MIN(adjusted_rand_index) AS cluster_agreement
  FROM tacos.cluster_stability
), scopes AS (
  SELECT
    'cluster' AS scope,
    cluster_id,
    label,
    n_samples,
    NULL AS single_cluster_share,
    NULL AS largest_cluster_share,
    NULL AS cluster_agreement
  FROM tacos.cluster_labels
  WHERE
    cluster_id >= 0
  UNION ALL
  SELECT
    'all' AS scope,
    NULL AS cluster_id,
    NULL AS label,
    COALESCE(SUM(labels.n_samples), 0) AS n_samples,
    SUM(CASE WHEN labels.n_samples = 1 THEN 1 ELSE 0 END) / NULLIF(COUNT(*), 0) AS single_cluster_share,
    MAX(labels.n_samples) / NULLIF(SUM(labels.n_samples), 0) AS largest_cluster_share,
    MAX(stability.cluster_agreement) AS cluster_agreement
  FROM tacos.cluster_labels AS labels
  CROSS JOIN stability
  WHERE
    labels.cluster_id >= 0
)
SELECT
  scopes.scope::TEXT AS scope,
  scopes.cluster_id::INT AS cluster_id,
  scopes.label::TEXT AS label,
  scopes.n_samples::BIGINT AS n_samples,
  COALESCE(measures.n_measured, 0)::BIGINT AS n_measured,
  measures.mean_cosine::DOUBLE AS mean_cosine,
  measures.random_cosine::DOUBLE AS random_cosine,
  measures.z_score::DOUBLE AS z_score,
  measures.p_value::DOUBLE AS p_value,
  measures.silhouette::DOUBLE AS silhouette,
  @ROUNDED(scopes.single_cluster_share, 6)::DOUBLE AS single_cluster_share,
  @ROUNDED(scopes.largest_cluster_share, 6)::DOUBLE AS largest_cluster_share,
  scopes.cluster_agreement::DOUBLE AS cluster_agreement,
  measures.embedding_model::TEXT AS embedding_model
FROM scopes
LEFT JOIN tacos_internal.coherence_measures AS measures
  ON COALESCE(measures.cluster_id, -1) = COALESCE(scopes.cluster_id, -1)