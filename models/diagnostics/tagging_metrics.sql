MODEL (
  name tacos_internal.tagging_metrics,
  kind SEED (
    path '$root/seeds/tagging_metrics.csv'
  ),
  description 'One row per measure of tagging_quality: its place, its unit, and how to read it.',
  columns (
    metric TEXT,
    metric_no INT,
    unit TEXT,
    note TEXT
  ),
  column_descriptions (
    metric = 'The measure.',
    metric_no = 'Its place, from 1.',
    unit = 'share (0 to 1), tags (a number of them) or bits.',
    note = 'What is counted, and what a high or a low value means.'
  ),
  grain metric,
  audits (
    UNIQUE_VALUES(columns := (
      metric
    )),
    NOT_NULL(columns := (metric, metric_no, unit, note))
  ),
  tags (
    diagnostics
  )
)