MODEL (
  name tacos.sample_audit,
  kind VIEW,
  description 'One row per sample: everything that happened to it, from its record to the cut-off.',
  column_descriptions (
    sample_id = 'The sample.',
    source_file = 'File of the record that stands for it.',
    record_id = 'That record in source_records.',
    ingested_at = 'When it came in.',
    n_duplicates = 'Copies of it beyond the first.',
    instruction = 'What the user asks.',
    response = 'What the assistant answers.',
    system_prompt = 'What stands above the conversation; NULL if there is none.',
    tagging_error = 'Why it has no tags; NULL if it could be tagged.',
    raw_tags = 'Tags as the model wrote them, in alphabetical order.',
    normalized_tags = 'Tags that were left after normalization; NULL if none.',
    tag_reasons = 'For each raw tag the chain of what happened to it, as in tag_map.',
    cluster_id = 'The cluster it is kept for or, if it is dropped, in which it came nearest; NULL if it was not judged.',
    cluster_label = 'The tags nearest the centroid of that cluster.',
    membership = 'Why it competes where it does, or why it does not.',
    n_comparisons = 'Samples it was compared with there.',
    judge_score = 'Mean of the scores (1-100) that the judge gave it there.',
    cluster_score = 'Its value there, 0 an average sample of the cluster, comparable inside the cluster only.',
    cluster_score_error = 'One standard error of cluster_score, in its unit.',
    cluster_rank = 'Its rank there, 1 the best.',
    n_cluster_candidates = 'How many competed there.',
    last_kept_rank = 'The worst rank that was kept there: the cut-off; NULL if none was.',
    judge_model = 'Who judged it there; of two judges, in the order of the rounds: "one, then another".',
    is_selected = 'Whether it is kept.',
    selection_rank = 'Its place in the selection; NULL if it is dropped.',
    decision = 'Why it was kept or dropped, in a sentence.',
    standing = 'Its score beside the cut-off: "1.7 standard errors (3.2 points) below the last one kept".',
    outlook = 'What would have to be different for it to change sides, and whether more judgments could do it.',
    last_kept_id = 'The last one kept in its cluster; NULL if none is.',
    next_in_line_id = 'The first of its cluster that is not kept; NULL if all are.',
    judgments = 'Its judgments, a line each: round, place, scores, against whom, by whom; NULL without any.'
  ),
  grain sample_id,
  audits (
    UNIQUE_VALUES(columns := (
      sample_id
    )),
    NOT_NULL(columns := (is_selected, decision))
  ),
  tags (
    selection
  )
);

SELECT
  samples.sample_id::TEXT AS sample_id,
  samples.source_file::TEXT AS source_file,
  samples.record_id::TEXT AS record_id,
  samples.ingested_at::DATE AS ingested_at,
  samples.n_duplicates::BIGINT AS n_duplicates,
  samples.instruction::TEXT AS instruction,
  samples.response::TEXT AS response,
  samples.system_prompt::TEXT AS system_prompt,
  replies.error::TEXT AS tagging_error,
  tags.raw_tags::TEXT AS raw_tags,
  tags.normalized_tags::TEXT AS normalized_tags,
  tags.tag_reasons::TEXT[] AS tag_reasons,
  outcomes.cluster_id::INT AS cluster_id,
  labels.label::TEXT AS cluster_label,
  outcomes.membership::TEXT AS membership,
  scores.n_comparisons::BIGINT AS n_comparisons,
  scores.judge_score::DOUBLE AS judge_score,
  scores.cluster_score::DOUBLE AS cluster_score,
  scores.cluster_score_error::DOUBLE AS cluster_score_error,
  outcomes.cluster_rank::BIGINT AS cluster_rank,
  outcomes.n_cluster_candidates::BIGINT AS n_cluster_candidates,
  outcomes.last_kept_rank::BIGINT AS last_kept_rank,
  scores.judge_model::TEXT AS judge_model,
  outcomes.is_selected::BOOLEAN AS is_selected,
  outcomes.selection_rank::BIGINT AS selection_rank,
  outcomes.decision::TEXT AS decision,
  standings.standing::TEXT AS standing,
  standings.outlook::TEXT AS outlook,
  standings.last_kept_id::TEXT AS last_kept_id,
  standings.next_in_line_id::TEXT AS next_in_line_id,
  judgments.judgments::TEXT[] AS judgments
FROM tacos.samples AS samples
INNER JOIN tacos_internal.sample_outcomes AS outcomes
  ON outcomes.sample_id = samples.sample_id
LEFT JOIN tacos.tag_replies AS replies
  ON replies.sample_id = samples.sample_id
LEFT JOIN tacos_internal.sample_tag_lists AS tags
  ON tags.sample_id = samples.sample_id
LEFT JOIN tacos_internal.sample_standings AS standings
  ON standings.sample_id = samples.sample_id
LEFT JOIN tacos_internal.sample_judgments AS judgments
  ON judgments.sample_id = samples.sample_id
LEFT JOIN tacos.cluster_labels AS labels
  ON labels.cluster_id = outcomes.cluster_id
LEFT JOIN tacos.sample_scores AS scores
  ON scores.sample_id = outcomes.sample_id AND scores.cluster_id = outcomes.cluster_id