MODEL (
  name tacos_internal.tag_texts,
  kind FULL,
  description 'One row per text that is normalized: every raw tag, and the tags of the alias file, which go through the same rules.',
  column_descriptions (
    text = 'The tag as written by the model, or in the alias file.',
    n_occurrences = 'How often it was written as a raw tag; 0 if it stands in the alias file only.',
    is_common = 'Whether this very spelling is on enough samples; always true unless frequency_filter is before_rules.',
    is_approved = 'Whether the alias file names it as a canonical tag.'
  ),
  grain text,
  audits (
    UNIQUE_VALUES(columns := (
      text
    )),
    NOT_NULL(columns := (n_occurrences, is_common, is_approved))
  ),
  tags (
    normalization
  )
);

WITH occurrences AS (
  SELECT
    raw_tag AS text,
    COUNT(*) AS n_occurrences,
    @IF(@VAR('frequency_filter') = 'before_rules', COUNT(DISTINCT sample_id), NULL) AS n_samples
  FROM tacos.raw_tags
  GROUP BY
    raw_tag
), approved AS (
  SELECT
    text,
    MAX(is_approved) AS is_approved
  FROM (
    SELECT
      alias AS text,
      0 AS is_approved
    FROM tacos_internal.tag_aliases
    UNION ALL
    SELECT
      canonical_tag AS text,
      1 AS is_approved
    FROM tacos_internal.tag_aliases
  ) AS listed
  GROUP BY
    text
)
SELECT
  COALESCE(occurrences.text, approved.text)::TEXT AS text,
  COALESCE(occurrences.n_occurrences, 0)::BIGINT AS n_occurrences,
  COALESCE(occurrences.n_samples >= thresholds.min_samples, TRUE)::BOOLEAN AS is_common,
  (
    COALESCE(approved.is_approved, 0) = 1
  )::BOOLEAN AS is_approved
FROM occurrences
FULL JOIN approved
  ON approved.text = occurrences.text
CROSS JOIN tacos_internal.normalization_thresholds AS thresholds