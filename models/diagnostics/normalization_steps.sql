MODEL (
  name tacos_internal.normalization_steps,
  kind EMBEDDED,
  description 'One row per step of normalization, in its order; computed inside its readers.',
  column_descriptions (
    step_no = 'Order of the steps, 1 are the raw tags. With frequency_filter before_rules the step frequency is the second.',
    step = 'raw, then a rule by the name of its variable rule_..., aliases, frequency, association, similarity.'
  ),
  grain step,
  tags (
    diagnostics
  )
);

WITH steps AS (
  SELECT
    rule_no,
    step
  FROM (VALUES
    (1, 'raw'),
    (2, 'unicode'),
    (3, 'camel_case'),
    (4, 'letter_case'),
    (5, 'separators'),
    (6, 'punctuation'),
    (7, 'white_space'),
    (8, 'leading_words'),
    (9, 'word_breaks'),
    (10, 'stemming'),
    (11, 'aliases'),
    (12, 'frequency'),
    (13, 'association'),
    (14, 'similarity')) AS steps(rule_no, step)
)
SELECT
  (
    CASE
      WHEN thresholds.frequency_filter <> 'before_rules' OR steps.rule_no IN (1, 13, 14)
      THEN steps.rule_no
      WHEN steps.step = 'frequency'
      THEN 2
      ELSE steps.rule_no + 1
    END
  )::INT AS step_no,
  steps.step::TEXT AS step
FROM steps
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds