AUDIT (
  name every_sample_has_a_cluster
);

SELECT
  samples.sample_id
FROM tacos.samples AS samples
LEFT JOIN @this_model AS clusters
  ON clusters.sample_id = samples.sample_id
WHERE
  clusters.sample_id IS NULL;

AUDIT (
  name a_sample_belongs_to_one_cluster
);

SELECT
  sample_id
FROM @this_model
GROUP BY
  sample_id
HAVING
  COUNT(*) FILTER(WHERE
    is_primary) <> 1