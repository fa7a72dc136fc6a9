MODEL (
  name tacos.tag_associations,
  kind FULL,
  description 'One row per association rule: samples with the antecedent tend to carry the consequent too. Every ordered pair of kept tags with enough common samples is here.',
  column_descriptions (
    antecedent = 'The tag that implies.',
    consequent = 'The tag that is implied.',
    n_antecedent = 'Number of samples that carry the antecedent.',
    n_consequent = 'Number of samples that carry the consequent.',
    support = 'Number of samples that carry both, at least normalization_thresholds.association_min_support.',
    confidence = 'Share of the antecedent''s samples that carry the consequent, 0 to 1.',
    confidence_bound = 'Lower end of the 95% interval of the confidence (Wilson), 0 to 1: 4 of 4 samples speak for .51 only, 40 of 40 for .91.',
    lift = 'Confidence divided by the share of all samples that carry the consequent; 1 if the tags are independent.',
    is_merge = 'Whether the antecedent is merged into the consequent: the most confident rule into a more frequent tag, with enough evidence.'
  ),
  grain (antecedent, consequent),
  audits (
    UNIQUE_COMBINATION_OF_COLUMNS(columns := (antecedent, consequent)),
    NOT_NULL(
      columns := (antecedent, consequent, support, confidence, confidence_bound, lift, is_merge)
    ),
    A_TAG_IS_MERGED_INTO_ONE_TAG_AT_MOST
  ),
  tags (
    normalization
  )
);

WITH pairs AS (
  SELECT
    first_tag,
    second_tag,
    support
  FROM tacos_internal.tag_pairs
), directed AS (
  SELECT
    first_tag AS antecedent,
    second_tag AS consequent,
    support
  FROM pairs
  UNION ALL
  SELECT
    second_tag AS antecedent,
    first_tag AS consequent,
    support
  FROM pairs
), rules AS (
  SELECT
    directed.antecedent,
    directed.consequent,
    directed.support,
    antecedents.n_samples AS n_antecedent,
    consequents.n_samples AS n_consequent,
    directed.support / antecedents.n_samples AS confidence,
    directed.support * thresholds.n_samples / antecedents.n_samples / consequents.n_samples AS lift
  FROM directed
  INNER JOIN tacos.tag_frequencies AS antecedents
    ON antecedents.canonical_tag = directed.antecedent
  INNER JOIN tacos.tag_frequencies AS consequents
    ON consequents.canonical_tag = directed.consequent
  CROSS JOIN tacos_internal.normalization_thresholds AS thresholds
), eligible AS (
  SELECT
    antecedent,
    consequent,
    support,
    n_antecedent,
    n_consequent,
    confidence,
    lift,
    @WILSON_BOUND(support, n_antecedent) AS confidence_bound,
    confidence >= @VAR('association_min_confidence')
    AND @WILSON_BOUND(support, n_antecedent) >= @VAR('association_min_bound')
    AND lift >= @VAR('association_min_lift')
    AND (
      n_consequent > n_antecedent
      OR (
        n_consequent = n_antecedent AND consequent < antecedent
      )
    ) AS is_eligible
  FROM rules
)
SELECT
  antecedent::TEXT AS antecedent,
  consequent::TEXT AS consequent,
  n_antecedent::BIGINT AS n_antecedent,
  n_consequent::BIGINT AS n_consequent,
  support::BIGINT AS support,
  confidence::DOUBLE AS confidence,
  confidence_bound::DOUBLE AS confidence_bound,
  lift::DOUBLE AS lift,
  (
    is_eligible
    AND ROW_NUMBER() OVER (
      PARTITION BY antecedent, is_eligible
      ORDER BY confidence DESC, n_consequent, consequent
    ) = 1
  )::BOOLEAN AS is_merge
FROM eligible