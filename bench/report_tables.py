"""A warehouse as the report reads it, generated: the tables of a run of any size, without the run."""

from __future__ import annotations

from pathlib import Path

import duckdb

_TABLES = """
CREATE TABLE tacos.samples AS
SELECT MD5(i::TEXT) AS sample_id, 'Explain thing ' || i || ' in a few words, and say why.' AS instruction,
  REPEAT('word ', (1 + i * 7919 % 300)::INT) AS response, NULL::TEXT AS system_prompt, i
FROM RANGE($n) AS numbers(i);

CREATE TABLE tacos.raw_tags AS
SELECT sample_id, 'tag ' || FLOOR(POW(HASH(i, j) % 1000003 / 1000003, 4) * ($n / 4 + 12))::INT AS raw_tag
FROM tacos.samples, RANGE(3) AS places(j);

CREATE TABLE tacos.normalized_tags AS
SELECT DISTINCT sample_id, 'tag ' || FLOOR(SPLIT_PART(raw_tag, ' ', 2)::INT / 4)::INT AS normalized_tag
FROM tacos.raw_tags WHERE SPLIT_PART(raw_tag, ' ', 2)::INT < 4000;

CREATE TABLE tacos_internal.placement_tags AS SELECT sample_id, normalized_tag AS tag FROM tacos.normalized_tags;
CREATE TABLE tacos_internal.tag_embeddings AS
SELECT tag, LIST_TRANSFORM(RANGE(384), k -> (HASH(tag, k) % 2001 / 1000 - 1)::FLOAT / 19.6) AS embedding
FROM (SELECT DISTINCT tag FROM tacos_internal.placement_tags);

CREATE TABLE tacos.clusters AS
SELECT sample_id, (HASH(sample_id) % $clusters)::INT AS cluster_id, TRUE AS is_primary FROM tacos.samples;
CREATE TABLE tacos.cluster_labels AS
SELECT cluster_id, 'tag ' || cluster_id || ', tag ' || (cluster_id + 1) AS label,
  7::BIGINT AS n_tags, COUNT(*) AS n_samples
FROM tacos.clusters GROUP BY cluster_id;

CREATE TABLE tacos.sample_scores AS
SELECT sample_id, cluster_id, 1 + HASH(sample_id, 'score') % 990 / 10 AS judge_score,
  ROW_NUMBER() OVER (PARTITION BY cluster_id ORDER BY judge_score DESC, sample_id) AS cluster_rank
FROM tacos.clusters;
CREATE TABLE tacos.selected AS
SELECT sample_id, cluster_id, cluster_rank, instruction,
  ROW_NUMBER() OVER (ORDER BY cluster_rank, cluster_id) AS selection_rank
FROM tacos.sample_scores INNER JOIN tacos.samples USING (sample_id) QUALIFY selection_rank <= $n // 4;
CREATE TABLE tacos.pair_scores AS
SELECT MD5(i::TEXT) AS first_sample_id, MD5((i + 1)::TEXT) AS second_sample_id, 0 AS cluster_id, 1 AS judging_round,
  (1 + HASH(i) % 100)::INT AS first_score, (1 + HASH(i + 1) % 100)::INT AS second_score, FALSE AS is_order_check,
  NULL::TEXT AS error, 'judge' AS model_name
FROM RANGE($n * 3 // 2) AS numbers(i);
CREATE TABLE tacos_internal.order_checks AS
SELECT model_name, cluster_id, first_sample_id AS sample_id, second_sample_id AS partner_id,
  first_score - second_score AS margin_first, LEAST(first_score + 9, 100) - second_score AS margin_second,
  margin_first = 0 OR margin_second = 0 AS is_tie, margin_first * margin_second < 0 AS is_flip
FROM tacos.pair_scores WHERE HASH(first_sample_id) % 10 = 0;
CREATE TABLE tacos.pair_replies AS SELECT 'judge' AS model_name FROM tacos.pair_scores;

CREATE VIEW tacos.sample_audit AS
SELECT samples.sample_id, samples.instruction, samples.response, labels.label AS cluster_label, scores.judge_score,
  scores.cluster_rank, ($n // 4 // $clusters)::BIGINT AS last_kept_rank, tags.raw_tags, selected.selection_rank,
  selected.sample_id IS NOT NULL AS is_selected, 'number ' || scores.cluster_rank || ' in its cluster' AS decision
FROM tacos.samples AS samples
LEFT JOIN tacos.sample_scores AS scores USING (sample_id)
LEFT JOIN tacos.cluster_labels AS labels USING (cluster_id)
LEFT JOIN tacos.selected AS selected USING (sample_id)
LEFT JOIN (
  SELECT sample_id, ARRAY_TO_STRING(LIST_SORT(ARRAY_AGG(DISTINCT raw_tag)), ', ') AS raw_tags
  FROM tacos.raw_tags GROUP BY sample_id
) AS tags USING (sample_id);

CREATE TABLE tacos_internal.selection_counts AS
SELECT $n AS n_samples, $n AS n_candidates, $clusters AS n_clusters, $n // 4 AS n_selected,
  $n * 3 // 2 AS n_judge_calls, NULL::TEXT AS shortfall;
CREATE TABLE tacos.llm_spend AS
SELECT stage, 'judge' AS model_name, 'here' AS payment, $n AS n_calls, $n * 600 AS n_prompt_tokens,
  $n * 9 AS n_completion_tokens, $n / 9000 AS cost_usd
FROM (VALUES ('tagging'), ('judging')) AS stages(stage);
CREATE TABLE tacos_internal.judging_progress AS
SELECT judging_round, CASE judging_round WHEN 0 THEN NULL WHEN 1 THEN 'judge' ELSE 'final judge' END AS model_name,
  CASE WHEN judging_round = 0 THEN 0 ELSE $n // 2 END AS n_calls, $n // 2 * judging_round AS n_calls_so_far,
  n_calls / 9000 * judging_round AS cost_usd, n_calls_so_far / 9000 AS cost_usd_so_far,
  (25 + judging_round * 25) / 100 AS shared_share, POW(judging_round / 3, 0.5) AS gain_share
FROM RANGE(4) AS rounds(judging_round);
CREATE TABLE tacos.normalization_waterfall AS
SELECT step_no, step, $n // step_no AS n_tags, $n * 3 // step_no AS n_occurrences, 1 / step_no AS occurrence_share,
  $n - step_no AS n_tagged_samples, 1 - step_no / $n AS tagged_share
FROM (VALUES (1, 'raw'), (2, 'text_rules'), (3, 'word_forms'), (4, 'frequency')) AS steps(step_no, step);
CREATE TABLE tacos.judge_reliability AS
SELECT model_name, 40 AS n_pairs, 0.125::DOUBLE AS flip_rate, NULL::DOUBLE AS length_correlation
FROM (VALUES ('judge'), ('final judge')) AS judges(model_name);
CREATE TABLE tacos.tagging_quality AS
SELECT 2 AS metric_no, 'raw_tag_precision' AS metric, 0.9 AS value, 0.82 AS value_low, 0.95 AS value_high,
  'share' AS unit, 'Reviewed raw tags that fit.' AS note
UNION ALL SELECT 3, 'raw_tag_entropy', 6.5, NULL, NULL, 'bits', 'Entropy of the raw tags.'
UNION ALL SELECT 1, 'empty_share', 0.1, NULL, NULL,
  'share', 'Samples whose usable reply names no tag.';
CREATE TABLE tacos.cluster_coherence AS
SELECT NULL::INT AS cluster_id, NULL::TEXT AS label, $n AS n_samples, 2000 AS n_measured, 0.31::DOUBLE AS mean_cosine,
  0.12::DOUBLE AS random_cosine, 9.5::DOUBLE AS z_score, 0.005::DOUBLE AS p_value, 0.05::DOUBLE AS silhouette
UNION ALL SELECT cluster_id, label, n_samples, 40, 0.31, 0.12, 4.5, 0.005, 0.05 FROM tacos.cluster_labels;
CREATE TABLE tacos_internal.selection_comparison AS
SELECT method, $n // 4 AS n_selected, $n // 4 // part AS n_shared, 1 / part AS shared_share,
  12.5 / part AS mean_cluster_score, 70.5::DOUBLE AS mean_judge_score, 800.5::DOUBLE AS mean_response_chars
FROM (VALUES ('selected', 1), ('longest_response', 2), ('random', 4)) AS methods(method, part);
"""


def make_tables(path: Path, n_samples: int, n_clusters: int = 8) -> None:
    """Make the warehouse of a run over so many samples."""
    query = _TABLES.replace("$n", str(n_samples)).replace("$clusters", str(n_clusters))
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal;" + query)
