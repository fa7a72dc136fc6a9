MODEL (
  name tacos.selected,
  kind FULL,
  depends_on (
    tacos_internal.memberships
  ),
  description 'One row per kept sample: the best of each cluster, in turns over the clusters, until selection_size is reached.',
  column_descriptions (
    sample_id = 'The kept sample.',
    cluster_id = 'The cluster it is kept for.',
    cluster_rank = 'Its rank in the cluster by cluster_score, 1 the best.',
    selection_rank = 'Order in which it was taken, from 1: a smaller budget keeps the first ones.',
    judge_score = 'Mean of the scores (1-100) that the judge gave it there; NULL where no judgment was needed.',
    cluster_score = 'Its value in the cluster, 0 an average sample of it, comparable inside the cluster only; NULL where no judgment was needed.',
    judge_model = 'Who judged: a model, or "offline heuristic, not an LLM judge"; of two, in the order of the rounds: "one, then another"; NULL where nobody had to.',
    instruction = 'What the user asks.',
    response = 'What the assistant answers.',
    system_prompt = 'What stands above the conversation; NULL if there is none.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    UNIQUE_VALUES(columns := (
      selection_rank
    )),
    NOT_NULL(
      columns := (sample_id, cluster_id, cluster_rank, selection_rank, instruction, response)
    ),
    THE_BUDGET_IS_KEPT,
    SELECTED_SAMPLES_HAVE_THEIR_SCORES,
    SELECTED_SAMPLES_FILL_THE_PLAN
  ),
  tags (
    selection
  )
);

WITH members AS (
  SELECT
    scores.sample_id,
    scores.cluster_id,
    scores.cluster_rank,
    quotas.n_candidates,
    quotas.n_planned,
    quotas.quota,
    ROW_NUMBER() OVER (
      PARTITION BY scores.sample_id
      ORDER BY @WISH_ORDER(scores.cluster_rank, quotas.n_candidates), scores.cluster_id
    ) AS wish_no,
    COUNT(*) OVER (PARTITION BY scores.sample_id) AS n_wishes
  FROM tacos.sample_scores AS scores
  INNER JOIN tacos_internal.cluster_quotas AS quotas
    ON quotas.cluster_id = scores.cluster_id
), standing AS (
  SELECT
    sample_id,
    cluster_id,
    cluster_rank,
    n_candidates,
    quota,
    ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY cluster_rank) AS place
  FROM @PLACED_MEMBERS(members, @PLACE_LIMIT(n_planned, quota)) AS placed
  WHERE
    wish_no = wish_at
), turns AS (
  SELECT
    sample_id,
    cluster_id,
    cluster_rank,
    n_candidates,
    place,
    @SELECTION_TURN(place, quota) AS turn
  FROM standing
  WHERE
    place <= @CLUSTER_CAP() AND @ONCE()
), budget AS (
  SELECT
    MAX(selection_size) AS selection_size
  FROM tacos_internal.cluster_quotas
)
SELECT
  taken.sample_id::TEXT AS sample_id,
  taken.cluster_id::INT AS cluster_id,
  taken.cluster_rank::BIGINT AS cluster_rank,
  taken.turn_order::BIGINT AS selection_rank,
  scores.judge_score::DOUBLE AS judge_score,
  scores.cluster_score::DOUBLE AS cluster_score,
  scores.judge_model::TEXT AS judge_model,
  samples.instruction::TEXT AS instruction,
  samples.response::TEXT AS response,
  samples.system_prompt::TEXT AS system_prompt
FROM @IN_TURNS(turns, place) AS taken
INNER JOIN budget
  ON taken.turn_order <= budget.selection_size
INNER JOIN tacos.sample_scores AS scores
  ON scores.sample_id = taken.sample_id AND scores.cluster_id = taken.cluster_id
INNER JOIN tacos.samples AS samples
  ON samples.sample_id = taken.sample_id