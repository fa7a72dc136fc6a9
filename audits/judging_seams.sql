AUDIT (
  name every_pair_has_one_reply
);

/* Counted as rows too, so that a second reply of a pair is found. */
WITH matched AS (
  SELECT
    COUNT(*) AS n_rows,
    COUNT(DISTINCT pairs.pair_id) AS n_pairs,
    COUNT(DISTINCT replies.pair_id) AS n_replies,
    COUNT(*) FILTER(WHERE
      pairs.pair_id IS NULL OR replies.pair_id IS NULL) AS n_alone
  FROM @PAIRS_OF_ROUNDS(@judging_round, @judging_round) AS pairs
  FULL JOIN @this_model AS replies
    ON replies.pair_id = pairs.pair_id
)
SELECT
  n_rows
FROM matched
WHERE
  CASE
    WHEN n_alone > 0 OR n_rows <> n_pairs OR n_rows <> n_replies
    THEN @FAIL(
      n_alone::TEXT || ' rows of tacos_internal.pairs_' || @judging_round::TEXT || ' and of its replies are without the other (' || n_pairs::TEXT || ' pairs, ' || n_replies::TEXT || ' replies, ' || n_rows::TEXT || ' rows): one of the tables is older than the other. Ask again (paid replies are not paid again): ' || @RESTATE_COMMAND('tacos_internal.pair_replies', @judging_round)
    )
    ELSE FALSE
  END;

AUDIT (
  name comparisons_come_from_the_replies_so_far
);

WITH usable AS (
  SELECT
    pairs.cluster_id,
    pairs.first_sample_id,
    pairs.second_sample_id,
    replies.scores.first_score AS first_score,
    replies.scores.second_score AS second_score
  FROM @PAIRS_OF_ROUNDS(@judging_round) AS pairs
  INNER JOIN @REPLIES_OF_ROUNDS(@judging_round) AS replies
    ON replies.pair_id = pairs.pair_id
  WHERE
    replies.error IS NULL
), sides AS (
  SELECT
    cluster_id,
    first_sample_id AS sample_id,
    second_sample_id AS partner_id,
    first_score AS own_score
  FROM usable
  UNION ALL
  SELECT
    cluster_id,
    second_sample_id AS sample_id,
    first_sample_id AS partner_id,
    second_score AS own_score
  FROM usable
), given AS (
  SELECT
    cluster_id,
    sample_id,
    partner_id,
    SUM(own_score) AS own_score_sum,
    COUNT(*) AS n_judgments
  FROM sides
  GROUP BY
    cluster_id,
    sample_id,
    partner_id
)
SELECT
  COALESCE(given.sample_id, comparisons.sample_id) AS sample_id
FROM given
FULL JOIN @this_model AS comparisons
  ON comparisons.cluster_id = given.cluster_id
  AND comparisons.sample_id = given.sample_id
  AND comparisons.partner_id = given.partner_id
WHERE
  given.n_judgments IS DISTINCT FROM comparisons.n_judgments
  OR given.own_score_sum IS DISTINCT FROM comparisons.own_score_sum;

AUDIT (
  name candidates_and_only_they_are_scored
);

SELECT
  COALESCE(scores.sample_id, candidates.sample_id) AS sample_id
FROM @this_model AS scores
FULL JOIN (
  SELECT
    sample_id,
    cluster_id
  FROM tacos_internal.memberships
  WHERE
    is_candidate
) AS candidates
  ON candidates.sample_id = scores.sample_id
  AND candidates.cluster_id = scores.cluster_id
WHERE
  scores.sample_id IS NULL OR candidates.sample_id IS NULL;

AUDIT (
  name scores_count_the_comparisons_of_the_round
);

WITH counted AS (
  SELECT
    sample_id,
    cluster_id,
    COUNT(*) AS n_comparisons,
    SUM(n_judgments) AS n_judgments
  FROM tacos_internal.comparisons_@judging_round
  GROUP BY
    sample_id,
    cluster_id
)
SELECT
  scores.sample_id
FROM @this_model AS scores
LEFT JOIN counted
  ON counted.sample_id = scores.sample_id AND counted.cluster_id = scores.cluster_id
WHERE
  scores.n_comparisons <> COALESCE(counted.n_comparisons, 0)
  OR scores.n_judgments <> COALESCE(counted.n_judgments, 0);

AUDIT (
  name pairs_are_of_the_best_so_far
);

/* A pair of samples that are no candidates any more, or more calls than planned: an old table of scores or plans. */
SELECT
  pairs.cluster_id
FROM @this_model AS pairs
LEFT JOIN tacos_internal.scores_@previous_round AS firsts
  ON firsts.cluster_id = pairs.cluster_id AND firsts.sample_id = pairs.first_sample_id
LEFT JOIN tacos_internal.scores_@previous_round AS seconds
  ON seconds.cluster_id = pairs.cluster_id
  AND seconds.sample_id = pairs.second_sample_id
WHERE
  firsts.sample_id IS NULL OR seconds.sample_id IS NULL;

AUDIT (
  name judged_pairs_and_only_they_have_scores
);

SELECT
  COALESCE(scores.pair_id, pairs.pair_id) AS pair_id
FROM @this_model AS scores
FULL JOIN tacos.pairs AS pairs
  ON pairs.pair_id = scores.pair_id
WHERE
  scores.pair_id IS NULL
  OR pairs.pair_id IS NULL
  OR scores.first_sample_id <> pairs.first_sample_id
  OR scores.second_sample_id <> pairs.second_sample_id;

AUDIT (
  name every_cluster_with_candidates_has_a_plan
);

SELECT
  COALESCE(plan.cluster_id, quotas.cluster_id) AS cluster_id
FROM (
  SELECT
    cluster_id,
    MAX(n_pool) AS n_pool
  FROM @this_model
  GROUP BY
    cluster_id
) AS plan
FULL JOIN tacos_internal.cluster_quotas AS quotas
  ON quotas.cluster_id = plan.cluster_id
WHERE
  plan.n_pool IS DISTINCT FROM quotas.n_candidates;

AUDIT (
  name quotas_count_the_candidates
);

WITH counted AS (
  SELECT
    cluster_id,
    COUNT(*) AS n_candidates
  FROM tacos_internal.memberships
  WHERE
    is_candidate
  GROUP BY
    cluster_id
)
SELECT
  COALESCE(quotas.cluster_id, counted.cluster_id) AS cluster_id
FROM @this_model AS quotas
FULL JOIN counted
  ON counted.cluster_id = quotas.cluster_id
WHERE
  quotas.n_candidates IS DISTINCT FROM counted.n_candidates;

AUDIT (
  name memberships_are_the_clusters_of_the_samples
);

SELECT
  COALESCE(memberships.sample_id, clusters.sample_id) AS sample_id
FROM @this_model AS memberships
FULL JOIN tacos.clusters AS clusters
  ON clusters.sample_id = memberships.sample_id
  AND clusters.cluster_id = memberships.cluster_id
WHERE
  memberships.sample_id IS NULL
  OR clusters.sample_id IS NULL
  OR memberships.n_tags IS DISTINCT FROM clusters.n_tags;

AUDIT (
  name other_wordings_are_of_judged_pairs
);

/* A pair that is judged in other words is one that was judged. */
SELECT
  replies.pair_id
FROM @this_model AS replies
LEFT JOIN tacos.pairs AS pairs
  ON pairs.pair_id = replies.pair_id
WHERE
  pairs.pair_id IS NULL;

AUDIT (
  name pairs_judged_again_are_of_the_first_round
);

/* The second judge judges pairs that the first one judged, all of which are of round 1. */
SELECT
  replies.pair_id
FROM @this_model AS replies
LEFT JOIN tacos.pairs AS pairs
  ON pairs.pair_id = replies.pair_id AND pairs.judging_round = 1
WHERE
  pairs.pair_id IS NULL