MODEL (
  name tacos.pairs,
  kind FULL,
  description 'One row per ordered pair that the judge saw, of all rounds.',
  column_descriptions (
    pair_id = 'md5 of cluster, first and second sample.',
    judging_round = 'The round in which it was judged.',
    cluster_id = 'The cluster in which the two compete.',
    first_sample_id = 'The sample that the judge read first.',
    second_sample_id = 'The sample that the judge read second.',
    is_order_check = 'Whether it repeats another pair of the round in the other order, to measure position bias.'
  ),
  grain pair_id,
  audits (
    UNIQUE_VALUES(columns := (
      pair_id
    )),
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (cluster_id, first_sample_id, second_sample_id)),
    NOT_NULL(
      columns := (pair_id, judging_round, cluster_id, first_sample_id, second_sample_id)
    )
  ),
  tags (
    judging
  )
);

SELECT
  pair_id::TEXT AS pair_id,
  judging_round::INT AS judging_round,
  cluster_id::INT AS cluster_id,
  first_sample_id::TEXT AS first_sample_id,
  second_sample_id::TEXT AS second_sample_id,
  is_order_check::BOOLEAN AS is_order_check
FROM @PAIRS_OF_ROUNDS(@LAST_JUDGING_ROUND()) AS pairs