AUDIT (
  name normalization_settings_are_understood
);

SELECT
  n_samples
FROM @this_model
WHERE
  CASE
    WHEN NOT frequency_filter IN ('after_rules', 'before_rules')
    THEN @FAIL(
      'The variable frequency_filter must be after_rules or before_rules, but it is ' || frequency_filter || '. Set it in config.yaml.'
    )
    ELSE FALSE
  END;

AUDIT (
  name every_raw_tag_has_its_rules
);

SELECT
  raw_tags.raw_tag
FROM tacos.raw_tags AS raw_tags
LEFT JOIN @this_model AS rules
  ON rules.raw_tag = raw_tags.raw_tag
WHERE
  rules.raw_tag IS NULL;

AUDIT (
  name no_rule_makes_an_empty_tag
);

SELECT
  raw_tag
FROM @this_model
WHERE
  TRIM(cleaned_tag) = ''
  OR TRIM(canonical_tag) = ''
  OR (
    canonical_tag IS NULL AND NOT cleaned_tag IS NULL
  );

AUDIT (
  name every_alias_is_a_tag
);

SELECT
  aliases.alias
FROM tacos_internal.tag_aliases AS aliases
LEFT JOIN tacos_internal.tag_spellings AS alias_spellings
  ON alias_spellings.text = aliases.alias
LEFT JOIN tacos_internal.tag_spellings AS target_spellings
  ON target_spellings.text = aliases.canonical_tag
WHERE
  CASE
    WHEN (
      alias_spellings.cleaned_tag IS NULL OR target_spellings.cleaned_tag IS NULL
    )
    THEN @FAIL(
      'seeds/tag_aliases.csv: the rules leave nothing of the alias ''' || aliases.alias || ''' or of its canonical tag ''' || aliases.canonical_tag || '''. Both must hold a letter or a digit.'
    )
    ELSE FALSE
  END;

AUDIT (
  name an_alias_has_one_target
);

SELECT
  canonical_tag
FROM @this_model
WHERE
  CASE
    WHEN n_targets <> 1
    THEN @FAIL(
      'seeds/tag_aliases.csv names ' || n_targets::TEXT || ' different canonical tags for the alias ''' || canonical_tag || ''' (after the rules). Keep one of the rows.'
    )
    ELSE FALSE
  END;

AUDIT (
  name the_target_of_an_alias_is_known
);

SELECT
  canonical_tag
FROM @this_model
WHERE
  CASE
    WHEN NOT is_known
    THEN @FAIL(
      'seeds/tag_aliases.csv merges ''' || canonical_tag || ''' into ''' || alias_target || ''', but no sample carries that tag. Correct the spelling; or, if the tag is meant, declare it by a row ''' || alias_target || ',' || alias_target || ',why''.'
    )
    ELSE FALSE
  END;

AUDIT (
  name aliases_do_not_run_in_a_circle
);

SELECT
  aliases.canonical_tag
FROM @this_model AS aliases
INNER JOIN @this_model AS ends
  ON ends.canonical_tag = aliases.merged_into
WHERE
  CASE
    WHEN ends.canonical_tag = aliases.merged_into
    THEN @FAIL(
      'seeds/tag_aliases.csv: the alias ''' || aliases.canonical_tag || ''' -> ''' || aliases.alias_target || ''' is part of a circle, or of a chain of more than eight aliases. Let every alias name its final tag.'
    )
    ELSE FALSE
  END;

AUDIT (
  name a_tag_is_merged_into_one_tag_at_most
);

SELECT
  antecedent
FROM @this_model
WHERE
  is_merge
GROUP BY
  antecedent
HAVING
  COUNT(*) > 1;

AUDIT (
  name merges_end_in_a_tag_that_stays
);

SELECT
  merges.canonical_tag
FROM @this_model AS merges
LEFT JOIN @this_model AS ends
  ON ends.canonical_tag = merges.normalized_tag
WHERE
  CASE
    WHEN (
      ends.canonical_tag IS NULL OR NOT ends.merged_into IS NULL
    )
    THEN @FAIL(
      'The merges of ''' || merges.canonical_tag || ''' run in a circle or over more than 64 tags: ' || merges.path || '. Raise association_min_confidence or semantic_min_similarity.'
    )
    ELSE FALSE
  END;

AUDIT (
  name kept_merged_and_dropped_are_all_raw_tags
);

WITH fates AS (
  SELECT
    COUNT(*) FILTER(WHERE
      action = 'kept') AS n_kept,
    COUNT(*) FILTER(WHERE
      STARTS_WITH(action, 'merged')) AS n_merged,
    COUNT(*) FILTER(WHERE
      STARTS_WITH(action, 'dropped')) AS n_dropped
  FROM @this_model
), raw_tags AS (
  SELECT
    COUNT(DISTINCT raw_tag) AS n_raw_tags
  FROM tacos.raw_tags
)
SELECT
  raw_tags.n_raw_tags
FROM fates
CROSS JOIN raw_tags
WHERE
  fates.n_kept + fates.n_merged + fates.n_dropped <> raw_tags.n_raw_tags;

AUDIT (
  name dropped_tags_and_only_they_have_no_normalized_tag
);

SELECT
  raw_tag
FROM @this_model
WHERE
  STARTS_WITH(action, 'dropped') <> (
    normalized_tag IS NULL
  );

AUDIT (
  name normalized_tags_are_not_changed_again
);

SELECT
  ends.raw_tag
FROM @this_model AS ends
INNER JOIN (
  SELECT DISTINCT
    normalized_tag
  FROM @this_model
) AS starts
  ON starts.normalized_tag = ends.raw_tag
WHERE
  ends.action <> 'dropped_rare' AND ends.normalized_tag <> ends.raw_tag;

AUDIT (
  name every_normalized_tag_comes_from_a_raw_tag
);

/* Above 200,000 samples a sixteenth of them is looked at, chosen by hash: the whole would cost more than the model. */
WITH looked_at AS (
  SELECT
    samples.sample_id
  FROM tacos.samples AS samples
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
  WHERE
    thresholds.n_samples <= 200000 OR STARTS_WITH(MD5(samples.sample_id), '0')
), origins AS (
  SELECT DISTINCT
    raw_tags.sample_id,
    tag_map.normalized_tag
  FROM tacos.raw_tags AS raw_tags
  INNER JOIN looked_at
    ON looked_at.sample_id = raw_tags.sample_id
  INNER JOIN tacos.tag_map AS tag_map
    ON tag_map.raw_tag = raw_tags.raw_tag
)
SELECT
  normalized.sample_id
FROM @this_model AS normalized
INNER JOIN looked_at
  ON looked_at.sample_id = normalized.sample_id
LEFT JOIN origins
  ON origins.sample_id = normalized.sample_id
  AND origins.normalized_tag = normalized.normalized_tag
WHERE
  origins.sample_id IS NULL;

AUDIT (
  name a_step_never_adds_tags
);

SELECT
  laters.step
FROM @this_model AS laters
INNER JOIN @this_model AS earliers
  ON earliers.step_no = laters.step_no - 1
WHERE
  laters.n_tags > earliers.n_tags
  OR laters.n_occurrences > earliers.n_occurrences
  OR laters.n_tagged_samples > earliers.n_tagged_samples;

AUDIT (
  name normalized_tags_hold_the_tagged_samples
);

WITH tagged AS (
  SELECT
    COUNT(DISTINCT sample_id) AS n_samples,
    COUNT(DISTINCT normalized_tag) AS n_tags
  FROM tacos.normalized_tags
)
SELECT
  quality.step
FROM @this_model AS quality
CROSS JOIN tagged
WHERE
  quality.step = 'similarity'
  AND (
    quality.n_tagged_samples <> tagged.n_samples OR quality.n_tags <> tagged.n_tags
  );

AUDIT (
  name coverage_ends_with_all_tags
);

/* An old table: the last row of top_tags does not hold the tags, or the samples, that normalized_tags has now. */
WITH tagged AS (
  SELECT
    COUNT(DISTINCT sample_id) AS n_samples,
    COUNT(DISTINCT normalized_tag) AS n_tags,
    COUNT(*) AS n_occurrences
  FROM tacos.normalized_tags
), ends AS (
  SELECT
    COALESCE(MAX(n_tags), 0) AS n_tags,
    COALESCE(MAX(n_samples), 0) AS n_samples,
    COALESCE(MAX(n_occurrences), 0) AS n_occurrences
  FROM @this_model
  WHERE
    measure = 'top_tags'
)
SELECT
  ends.n_tags
FROM ends
CROSS JOIN tagged
WHERE
  ends.n_tags <> tagged.n_tags
  OR ends.n_samples <> tagged.n_samples
  OR ends.n_occurrences <> tagged.n_occurrences