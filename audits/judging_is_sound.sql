AUDIT (
  name every_sample_is_in_a_cluster
);

WITH lost AS (
  SELECT
    COUNT(*) AS n_lost,
    MIN(samples.sample_id) AS example
  FROM tacos.samples AS samples
  LEFT JOIN @this_model AS candidates
    ON candidates.sample_id = samples.sample_id
  WHERE
    candidates.sample_id IS NULL
)
SELECT
  n_lost
FROM lost
WHERE
  CASE
    WHEN n_lost > 0
    THEN @FAIL(
      n_lost::TEXT || ' samples are in no cluster, such as ' || example || ': tacos.clusters must have at least one row for each sample. Build it again: ' || @RESTATE_COMMAND('tacos.clusters')
    )
    ELSE FALSE
  END;

AUDIT (
  name quotas_add_up_to_the_selection_size
);

SELECT
  SUM(n_planned) AS n_planned
FROM @this_model
HAVING
  SUM(n_planned) <> LEAST(MAX(selection_size), SUM(LEAST(n_candidates, @CLUSTER_CAP())));

AUDIT (
  name calls_stay_in_the_budget
);

SELECT
  plan.cluster_id
FROM @this_model AS plan
INNER JOIN tacos_internal.cluster_quotas AS quotas
  ON quotas.cluster_id = plan.cluster_id
WHERE
  @JUDGING_OPTION('judging_profile', @judging_profile) <> 'paper'
  AND quotas.n_candidates > 5
  AND plan.n_calls_so_far > GREATEST(
    ROUND(
      @JUDGING_NUMBER('judge_calls_per_sample', @judge_calls_per_sample) * quotas.n_candidates
    ),
    CEIL(quotas.n_candidates / 2.0)
  );

AUDIT (
  name judging_failures_are_few
);

WITH totals AS (
  SELECT
    COUNT(*) AS n_pairs,
    COUNT(error) AS n_failed,
    MIN(error) AS example
  FROM @this_model
)
SELECT
  n_failed
FROM totals
WHERE
  CASE
    WHEN n_failed > @JUDGING_NUMBER('max_failure_share', @max_failure_share) * n_pairs
    THEN @FAIL(
      n_failed::TEXT || ' of ' || n_pairs::TEXT || ' judgments failed, more than max_failure_share allows; the first reason: ' || example || '. What was answered is kept and not paid again: run again once the judge answers, or raise max_failure_share.'
    )
    ELSE FALSE
  END;

AUDIT (
  name comparisons_count_every_judgment_twice
);

WITH comparisons AS (
  SELECT
    SUM(n_judgments) AS n_sides
  FROM @this_model
), judgments AS (
  SELECT
    COUNT(*) AS n_judgments
  FROM @REPLIES_OF_ROUNDS(@judging_round) AS replies
  WHERE
    error IS NULL
)
SELECT
  n_sides
FROM comparisons
CROSS JOIN judgments
WHERE
  COALESCE(n_sides, 0) <> 2 * n_judgments;

AUDIT (
  name scores_or_an_error
);

SELECT
  pair_id
FROM @this_model
WHERE
  (
    first_score IS NULL
  ) <> (
    NOT error IS NULL
  )
  OR (
    first_score IS NULL
  ) <> (
    second_score IS NULL
  );

AUDIT (
  name scores_go_beyond_a_scale_of_ten,
  blocking FALSE
);

SELECT
  model_name,
  MAX(GREATEST(first_score, second_score)) AS highest_score
FROM @this_model
WHERE
  NOT first_score IS NULL
GROUP BY
  model_name
HAVING
  COUNT(*) >= 10 AND MAX(GREATEST(first_score, second_score)) <= 10;

AUDIT (
  name the_last_round_gains_most
);

/* The last scores choose the best by themselves: what an earlier round would have kept cannot be worth more. */
SELECT
  judging_round,
  shared_share,
  mean_gain
FROM (
  SELECT
    judging_round,
    shared_share,
    mean_gain,
    MAX(judging_round) OVER () AS last_round,
    FIRST_VALUE(mean_gain) OVER (ORDER BY judging_round DESC) AS last_gain
  FROM @this_model
) AS rounds
WHERE
  mean_gain > last_gain OR (
    judging_round = last_round AND shared_share <> 1
  )