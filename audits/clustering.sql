AUDIT (
  name every_sample_has_a_cluster
);

SELECT
  samples.sample_id
FROM tacos.samples AS samples
LEFT JOIN @this_model AS clusters
  ON clusters.sample_id = samples.sample_id
WHERE
  clusters.sample_id IS NULL