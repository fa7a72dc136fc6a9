MODEL (
  name tacos.selection_history,
  kind VIEW,
  description 'One row per stay of a sample in production''s selection: when it entered and left, why, and under which configuration. Every environment shows the history of production.',
  column_descriptions (
    sample_id = 'The sample.',
    stay_no = 'Number of its stay, from 1: a sample may leave and come back.',
    instruction_start = 'The first 200 characters of what the user asks: the sample itself may be gone.',
    cluster_label = 'What its cluster was about when it entered.',
    entered_at = 'When it was first seen to be kept (UTC).',
    entered_because = 'Why it entered: new record, new candidate, cluster moved, score, quota, score and quota, first selection.',
    rank_at_entry = 'Its rank in its cluster then.',
    entered_configuration = 'Digest of the variables, prompts and code that it entered under.',
    entered_changes = 'What of them had changed since the change before: "selection_size: 100 -> 200"; empty if nothing.',
    left_at = 'When it was first seen to be kept no more (UTC); NULL while it is kept.',
    left_because = 'Why it left: record gone, no candidate, cluster moved, score, quota, score and quota; NULL while it is kept.',
    rank_at_exit = 'Its rank in its cluster then; NULL while it is kept, and where it was not judged.',
    left_configuration = 'Digest of the variables, prompts and code that it left under.',
    left_changes = 'What of them had changed since the change before; empty if nothing.'
  ),
  grain (sample_id, stay_no),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (sample_id, stay_no)),
    NOT_NULL(columns := (sample_id, entered_at, entered_because, entered_configuration)),
    STAYS_FOLLOW_EACH_OTHER
  ),
  tags (
    selection
  ),
  signals (
    SOMETHING_IS_NEW()
  )
);

WITH events AS (
  SELECT
    events.sample_id,
    events.event,
    events.reason,
    events.rank_after,
    events.cluster_after,
    events.instruction_start,
    changes.recorded_at,
    changes.configuration_digest,
    changes.configuration_changes,
    LEAD(events.change_no) OVER (PARTITION BY events.sample_id ORDER BY events.change_no) AS next_change_no,
    events.change_no
  FROM tacos_internal.selection_events AS events
  INNER JOIN tacos_internal.selection_changes AS changes
    ON changes.change_no = events.change_no
)
SELECT
  entries.sample_id::TEXT AS sample_id,
  (
    ROW_NUMBER() OVER (PARTITION BY entries.sample_id ORDER BY entries.change_no)
  )::BIGINT AS stay_no,
  entries.instruction_start::TEXT AS instruction_start,
  entries.cluster_after::TEXT AS cluster_label,
  entries.recorded_at::TIMESTAMP AS entered_at,
  entries.reason::TEXT AS entered_because,
  entries.rank_after::BIGINT AS rank_at_entry,
  entries.configuration_digest::TEXT AS entered_configuration,
  entries.configuration_changes::TEXT AS entered_changes,
  exits.recorded_at::TIMESTAMP AS left_at,
  exits.reason::TEXT AS left_because,
  exits.rank_after::BIGINT AS rank_at_exit,
  exits.configuration_digest::TEXT AS left_configuration,
  exits.configuration_changes::TEXT AS left_changes
FROM events AS entries
LEFT JOIN events AS exits
  ON exits.sample_id = entries.sample_id
  AND exits.change_no = entries.next_change_no
  AND exits.event = 'left'
WHERE
  entries.event = 'entered'