AUDIT (
  name clusters_hold_exactly_the_normalized_tags
);

SELECT
  COALESCE(clusters.normalized_tag, tags.normalized_tag) AS normalized_tag
FROM @this_model AS clusters
FULL JOIN (
  SELECT DISTINCT
    normalized_tag
  FROM tacos.normalized_tags
) AS tags
  ON tags.normalized_tag = clusters.normalized_tag
WHERE
  clusters.normalized_tag IS NULL OR tags.normalized_tag IS NULL;

AUDIT (
  name no_normalized_tag_of_a_sample_is_missing
);

/* Above 200,000 samples a sixteenth of them is looked at, chosen by hash: the whole would cost more than the model. */
WITH looked_at AS (
  SELECT
    samples.sample_id
  FROM tacos.samples AS samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  WHERE
    thresholds.n_samples <= 200000 OR STARTS_WITH(MD5(samples.sample_id), '0')
)
SELECT
  raw_tags.sample_id
FROM tacos.raw_tags AS raw_tags
INNER JOIN looked_at
  ON looked_at.sample_id = raw_tags.sample_id
INNER JOIN tacos.tag_map AS tag_map
  ON tag_map.raw_tag = raw_tags.raw_tag
LEFT JOIN @this_model AS normalized
  ON normalized.sample_id = raw_tags.sample_id
  AND normalized.normalized_tag = tag_map.normalized_tag
WHERE
  NOT tag_map.normalized_tag IS NULL AND normalized.sample_id IS NULL;

AUDIT (
  name the_map_holds_exactly_the_raw_tags
);

SELECT
  COALESCE(fates.raw_tag, raw_tags.raw_tag) AS raw_tag
FROM @this_model AS fates
FULL JOIN (
  SELECT
    raw_tag,
    COUNT(*) AS n_occurrences
  FROM tacos.raw_tags
  GROUP BY
    raw_tag
) AS raw_tags
  ON raw_tags.raw_tag = fates.raw_tag
WHERE
  fates.n_occurrences IS DISTINCT FROM raw_tags.n_occurrences;

AUDIT (
  name frequencies_count_the_samples_of_every_tag
);

SELECT
  COALESCE(frequencies.canonical_tag, counted.canonical_tag) AS canonical_tag
FROM @this_model AS frequencies
FULL JOIN (
  SELECT
    canonical_tag,
    COUNT(*) AS n_samples
  FROM tacos_internal.sample_tags
  GROUP BY
    canonical_tag
) AS counted
  ON counted.canonical_tag = frequencies.canonical_tag
WHERE
  frequencies.n_samples IS DISTINCT FROM counted.n_samples;

AUDIT (
  name kept_tags_and_only_they_are_merged
);

SELECT
  COALESCE(merges.canonical_tag, kept.canonical_tag) AS canonical_tag
FROM @this_model AS merges
FULL JOIN (
  SELECT
    canonical_tag
  FROM tacos.tag_frequencies
  WHERE
    is_kept
) AS kept
  ON kept.canonical_tag = merges.canonical_tag
WHERE
  merges.canonical_tag IS NULL OR kept.canonical_tag IS NULL;

AUDIT (
  name samples_are_in_clusters_of_tags
);

/* Cluster -1 holds the samples without a tag to place them by, and only them; every other cluster has a centroid. */
SELECT
  clusters.sample_id
FROM @this_model AS clusters
LEFT JOIN (
  SELECT DISTINCT
    sample_id
  FROM tacos_internal.placement_tags
) AS tagged
  ON tagged.sample_id = clusters.sample_id
LEFT JOIN (
  SELECT DISTINCT
    cluster_id
  FROM tacos_internal.cluster_centroids
) AS known
  ON known.cluster_id = clusters.cluster_id
WHERE
  (
    clusters.cluster_id = -1
  ) <> (
    tagged.sample_id IS NULL
  )
  OR (
    clusters.cluster_id <> -1 AND known.cluster_id IS NULL
  )