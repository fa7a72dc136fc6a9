AUDIT (
  name stays_follow_each_other
);

/* A sample leaves before it enters again, and not before it entered. */
SELECT
  stays.sample_id
FROM @this_model AS stays
LEFT JOIN @this_model AS later
  ON later.sample_id = stays.sample_id AND later.stay_no = stays.stay_no + 1
WHERE
  stays.left_at < stays.entered_at
  OR (
    NOT later.sample_id IS NULL
    AND (
      stays.left_at IS NULL OR stays.left_at > later.entered_at
    )
  )