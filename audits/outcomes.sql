AUDIT (
  name every_sample_has_an_outcome
);

SELECT
  samples.sample_id
FROM tacos.samples AS samples
LEFT JOIN @this_model AS outcomes
  ON outcomes.sample_id = samples.sample_id
WHERE
  outcomes.sample_id IS NULL