MODEL (
  name tacos_internal.generic_measures,
  kind EMBEDDED,
  description 'One row: how many tags fit every sample, and how many samples have no other; computed inside its reader.',
  column_descriptions (
    listed_tag_share = 'Share of the raw tags, as often as they were written, that are on the list, 0 to 1.',
    only_generic_share = 'Share of the samples with a raw tag that have none but those on the list or on too many samples, 0 to 1.'
  ),
  grain listed_tag_share,
  tags (
    diagnostics
  )
);

WITH tags AS (
  SELECT
    raw_tag,
    n_occurrences,
    CASE WHEN is_listed THEN n_occurrences ELSE 0 END AS n_listed,
    CASE WHEN is_listed OR is_too_common THEN 1 ELSE 0 END AS is_generic
  FROM tacos_internal.generic_raw_tags
), totals AS (
  SELECT
    SUM(n_listed) / NULLIF(SUM(n_occurrences), 0) AS listed_tag_share
  FROM tags
), samples AS (
  SELECT
    raw_tags.sample_id,
    MIN(tags.is_generic) AS is_generic
  FROM tacos.raw_tags AS raw_tags
  INNER JOIN tags
    ON tags.raw_tag = raw_tags.raw_tag
  GROUP BY
    raw_tags.sample_id
), tagged AS (
  SELECT
    SUM(is_generic) / NULLIF(COUNT(*), 0) AS only_generic_share
  FROM samples
)
SELECT
  totals.listed_tag_share::DOUBLE AS listed_tag_share,
  tagged.only_generic_share::DOUBLE AS only_generic_share
FROM totals
CROSS JOIN tagged