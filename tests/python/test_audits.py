"""Every audit of the project passes on tables that are sound and fails on the smallest ones that are not."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp
from sqlmesh import Context

from python_models.judging.reply_columns import REPLY_TYPES
from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

Tables = dict[str, str]
"""Name and columns of a table of the schema tacos -> its rows, as SQL."""

SAMPLES = {"samples(sample_id)": "('a'), ('b')"}
QUOTAS = {"cluster_quotas(cluster_id, n_candidates, n_planned, selection_size)": "(1, 10, 4, 5), (2, 1, 1, 5)"}
RULES = "tag_rules(raw_tag, cleaned_tag, canonical_tag)"
TARGETS = "tag_alias_targets(canonical_tag, alias_target, merged_into, n_targets, is_known)"
MERGES = "tag_merges(canonical_tag, normalized_tag, merged_into, path)"
FATES = "tag_map(raw_tag, normalized_tag, action)"
SPELLINGS = "tag_spellings(text, cleaned_tag)"
STEPS = "normalization_waterfall(step_no, step, n_tags, n_occurrences, n_tagged_samples)"
COVERAGE = "tag_coverage(measure, n_tags, n_samples, n_occurrences)"
SOUND_STEPS = "(1, 'raw', 3, 9, 2), (2, 'similarity', 3, 9, 2)"
SCORES = "pair_scores(pair_id, first_score, second_score, error)"
SCALE = "pair_scores(model_name, first_score, second_score)"
REPLIES = "tag_replies(sample_id, ingested_at, error)"
COUNTS = "source_counts(source_file, n_records_in_file, n_records, digest_in_file, records_digest)"
PARTS = "source_counts(n_records, n_samples, n_duplicates, n_rejected, n_left_out)"
LARGE = {
    "cluster_quotas(selection_size, n_candidates)": "(3, 3)",
    "memberships(sample_id, is_candidate)": "('a', TRUE), ('b', TRUE), ('c', TRUE), ('d', FALSE)",
}
REPLY_COLUMNS = ("error", *(name for name in REPLY_TYPES if name != "error"))
ZEROS = ", 0" * (len(REPLY_COLUMNS) - 1)
FIRST_REPLIES = {f"pair_replies_1({', '.join(REPLY_COLUMNS)})": f"(NULL{ZEROS}), ('timeout: 60 s'{ZEROS})"}
PAIR_COLUMNS = "judging_round, pair_id, cluster_id, first_sample_id, second_sample_id, is_order_check"
PAIRS = {f"pairs_1({PAIR_COLUMNS})": "(1, 'p', 7, 'a', 'b', FALSE), (1, 'q', 7, 'b', 'a', TRUE)"}
JUDGED = f"pair_replies_1({', '.join(REPLY_COLUMNS)})"
BOTH_JUDGED = ", ".join(
    f"(NULL, '{pair}', {{'first_score': {first}, 'second_score': {second}}}{', 0' * (len(REPLY_COLUMNS) - 3)})"
    for pair, first, second in (("p", 80, 60), ("q", 50, 70))
)
COMPARED = "comparisons_1(cluster_id, sample_id, partner_id, own_score_sum, n_judgments)"
MEMBERS = "memberships(sample_id, cluster_id, is_candidate)"
THREE_MEMBERS = {MEMBERS: "('a', 7, TRUE), ('b', 7, TRUE), ('c', 7, FALSE)"}
KEPT = "selected(sample_id, cluster_id, cluster_rank, selection_rank)"
FILLED = THREE_MEMBERS | {"cluster_quotas(cluster_id, n_planned)": "(7, 1), (8, 0)"}
PROGRESS = "judging_progress(judging_round, shared_share, mean_gain)"
OUTCOMES = "sample_outcomes(sample_id, is_selected, selection_rank)"

STAYS = "selection_history(sample_id, stay_no, entered_at, left_at)"
SIGNATURES = "failure_signatures(signature, title, value, threshold, is_failing, is_grave, advice)"

# Audit, the model that it is an audit of, the tables that both runs have, then the ones that are sound, and not.
CASES: list[tuple[str, str, Tables, Tables, Tables]] = [
    (
        "tables_hold_the_records_of_the_files",
        "source_counts",
        {},
        {COUNTS: "('f', 3, 3, '8', '8')"},
        {COUNTS: "('f', 3, 3, '8', '8'), ('g', 3, 2, '8', '7')"},
    ),
    ("tables_hold_the_records_of_the_files", "source_counts", {}, {}, {COUNTS: "('gone', NULL, 2, NULL, '8')"}),
    ("tables_hold_the_records_of_the_files", "source_counts", {}, {}, {COUNTS: "('edited', 3, 3, '8', '9')"}),
    (
        "records_are_samples_duplicates_rejected_or_left_out",
        "source_counts",
        {"samples(sample_id, n_duplicates)": "('a', 1), ('b', 0)"},
        {PARTS: "(4, 2, 1, 1, 0), (2, 0, 0, 1, 1)"},
        {PARTS: "(5, 2, 1, 1, 0)"},
    ),
    (
        "records_are_samples_duplicates_rejected_or_left_out",
        "source_counts",
        {"samples(sample_id, n_duplicates)": "('a', 1)"},
        {},
        {PARTS: "(4, 2, 1, 1, 0)"},
    ),
    (
        "samples_are_left_out_by_the_limit_only",
        "source_counts",
        {},
        {PARTS: "(4, 4, 0, 0, 0)"},
        {PARTS: "(4, 3, 0, 0, 1)"},
    ),
    (
        "every_reply_has_its_sample",
        "tag_failures",
        {"samples(sample_id, ingested_at)": "('a', DATE '2026-01-01')"},
        {REPLIES: "('a', DATE '2026-01-01', NULL)"},
        {REPLIES: "('a', DATE '2026-01-01', NULL), ('gone', DATE '2026-01-02', NULL)"},
    ),
    (
        "every_reply_has_its_sample",
        "tag_failures",
        {"samples(sample_id, ingested_at)": "('a', DATE '2026-01-01')"},
        {},
        {REPLIES: "('a', DATE '2026-01-02', NULL)"},
    ),
    (
        "every_tag_of_the_replies_is_a_raw_tag",
        "raw_tags",
        {"tag_replies(sample_id, tags)": "('a', ['x', 'y']), ('b', [])"},
        {"raw_tags(sample_id, raw_tag, ingested_at)": "('a', 'x', NOW()), ('a', 'y', NOW())"},
        {"raw_tags(sample_id, raw_tag, ingested_at)": "('a', 'x', NOW()), ('a', 'y', NOW()), ('gone', 'z', NOW())"},
    ),
    (
        "every_sample_has_one_reply",
        "tag_failures",
        {"samples(sample_id, ingested_at)": "('a', DATE '2026-01-01'), ('b', DATE '2026-01-02')"},
        {REPLIES: "('a', DATE '2026-01-01', NULL), ('b', DATE '2026-01-02', 'timeout')"},
        {REPLIES: "('a', DATE '2026-01-01', NULL)"},
    ),
    (
        "few_samples_without_tags",
        "tag_replies",
        {"samples(sample_id)": "(1), (2), (3), (4)"},
        {REPLIES: "('a', DATE '2026-01-01', NULL), ('b', DATE '2026-01-02', NULL)"},
        {REPLIES: "('a', DATE '2026-01-01', NULL), ('b', DATE '2026-01-02', 'timeout')"},
    ),
    (
        "normalization_settings_are_understood",
        "normalization_thresholds",
        {},
        {"normalization_thresholds(n_samples, frequency_filter)": "(1, 'before_rules')"},
        {"normalization_thresholds(n_samples, frequency_filter)": "(1, 'sometimes')"},
    ),
    (
        "every_raw_tag_has_its_rules",
        "tag_rules",
        {"raw_tags(raw_tag)": "('x'), ('y')"},
        {RULES: "('x', 'x', 'x'), ('y', 'y', 'y')"},
        {RULES: "('x', 'x', 'x')"},
    ),
    (
        "no_rule_makes_an_empty_tag",
        "tag_rules",
        {},
        {RULES: "('x', 'x', 'x'), ('!', NULL, NULL)"},
        {RULES: "('!', ' ', 'x')"},
    ),
    ("no_rule_makes_an_empty_tag", "tag_rules", {}, {}, {RULES: "('!', 'x', '')"}),
    ("no_rule_makes_an_empty_tag", "tag_rules", {}, {}, {RULES: "('!', 'x', NULL), ('x', 'x', 'x')"}),
    (
        "every_alias_is_a_tag",
        "tag_alias_targets",
        {"tag_aliases(alias, canonical_tag)": "('ml', 'machine learning')"},
        {SPELLINGS: "('ml', 'ml'), ('machine learning', 'machine learning')"},
        {SPELLINGS: "('ml', 'ml'), ('machine learning', NULL)"},
    ),
    (
        "every_alias_is_a_tag",
        "tag_alias_targets",
        {"tag_aliases(alias, canonical_tag)": "('!!!', 'recipe')"},
        {},
        {SPELLINGS: "('!!!', NULL), ('recipe', 'recipe')"},
    ),
    (
        "an_alias_has_one_target",
        "tag_alias_targets",
        {},
        {TARGETS: "('ml', 'x', 'x', 1, TRUE)"},
        {TARGETS: "('ml', 'x', 'x', 2, TRUE)"},
    ),
    (
        "the_target_of_an_alias_is_known",
        "tag_alias_targets",
        {},
        {TARGETS: "('ml', 'x', 'x', 1, TRUE)"},
        {TARGETS: "('ml', 'x', 'x', 1, FALSE)"},
    ),
    (
        "aliases_do_not_run_in_a_circle",
        "tag_alias_targets",
        {},
        {TARGETS: "('a', 'b', 'c', 1, TRUE), ('b', 'c', 'c', 1, TRUE)"},
        {TARGETS: "('a', 'b', 'a', 1, TRUE), ('b', 'a', 'b', 1, TRUE)"},
    ),
    (
        "a_tag_is_merged_into_one_tag_at_most",
        "tag_associations",
        {},
        {"tag_associations(antecedent, is_merge)": "('a', TRUE), ('a', FALSE), ('b', TRUE)"},
        {"tag_associations(antecedent, is_merge)": "('a', TRUE), ('a', TRUE)"},
    ),
    (
        "merges_end_in_a_tag_that_stays",
        "tag_merges",
        {},
        {MERGES: "('a', 'b', 'b', ' -> b'), ('b', 'b', NULL, '')"},
        {MERGES: "('a', 'b', 'b', ' -> b')"},
    ),
    (
        "merges_end_in_a_tag_that_stays",
        "tag_merges",
        {},
        {},
        {MERGES: "('a', 'b', 'b', ' -> b'), ('b', 'a', 'a', ' -> a')"},
    ),
    (
        "kept_merged_and_dropped_are_all_raw_tags",
        "tag_map",
        {"raw_tags(raw_tag)": "('x'), ('x'), ('y'), ('z')"},
        {FATES: "('x', 'x', 'kept'), ('y', 'x', 'merged_by_rule'), ('z', NULL, 'dropped_rare')"},
        {FATES: "('x', 'x', 'kept'), ('y', 'x', 'merged_by_rule')"},
    ),
    (
        "dropped_tags_and_only_they_have_no_normalized_tag",
        "tag_map",
        {},
        {FATES: "('x', 'x', 'kept'), ('z', NULL, 'dropped_rare')"},
        {FATES: "('x', NULL, 'kept')"},
    ),
    ("dropped_tags_and_only_they_have_no_normalized_tag", "tag_map", {}, {}, {FATES: "('z', 'x', 'dropped_empty')"}),
    (
        "normalized_tags_are_not_changed_again",
        "tag_map",
        {},
        {FATES: "('X', 'x', 'merged_by_rule'), ('x', 'x', 'kept'), ('Y', 'y', 'merged_by_rule')"},
        {FATES: "('X', 'x', 'merged_by_rule'), ('x', 'y', 'merged_by_association')"},
    ),
    (
        "every_normalized_tag_comes_from_a_raw_tag",
        "normalized_tags",
        SAMPLES
        | {
            "normalization_thresholds(n_samples)": "(2)",
            "raw_tags(sample_id, raw_tag)": "('a', 'X'), ('b', 'Y')",
            "tag_map(raw_tag, normalized_tag)": "('X', 'x'), ('Y', 'y')",
        },
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('b', 'y')"},
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('b', 'x')"},
    ),
    (
        "a_step_never_adds_tags",
        "normalization_waterfall",
        {},
        {STEPS: SOUND_STEPS},
        {STEPS: "(1, '', 3, 9, 2), (2, '', 4, 9, 2)"},
    ),
    ("a_step_never_adds_tags", "normalization_waterfall", {}, {}, {STEPS: "(1, '', 3, 9, 2), (2, '', 3, 10, 2)"}),
    ("a_step_never_adds_tags", "normalization_waterfall", {}, {}, {STEPS: "(1, '', 3, 9, 2), (2, '', 3, 9, 3)"}),
    (
        "normalized_tags_hold_the_tagged_samples",
        "normalization_waterfall",
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('a', 'y'), ('b', 'x'), ('b', 'z')"},
        {STEPS: SOUND_STEPS},
        {STEPS: "(7, 'similarity', 3, 9, 1)"},
    ),
    (
        "normalized_tags_hold_the_tagged_samples",
        "normalization_waterfall",
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('b', 'x')"},
        {},
        {STEPS: "(7, 'similarity', 2, 9, 2)"},
    ),
    (
        "coverage_ends_with_all_tags",
        "tag_coverage",
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('a', 'y'), ('b', 'x')"},
        {COVERAGE: "('top_tags', 1, 2, 2), ('top_tags', 2, 2, 3), ('tags_per_sample', 0, 4, 3)"},
        {COVERAGE: "('top_tags', 1, 1, 2), ('top_tags', 2, 1, 3), ('tags_per_sample', 0, 4, 3)"},
    ),
    (
        "coverage_ends_with_all_tags",
        "tag_coverage",
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('a', 'y'), ('b', 'x')"},
        {},
        {COVERAGE: "('top_tags', 1, 2, 3)"},
    ),
    (
        "every_sample_has_a_cluster",
        "clusters",
        SAMPLES,
        {"clusters(sample_id, cluster_id)": "('a', 1), ('a', 2), ('b', -1)"},
        {"clusters(sample_id, cluster_id)": "('a', 1), ('a', 2)"},
    ),
    (
        "a_sample_belongs_to_one_cluster",
        "clusters",
        {},
        {"clusters(sample_id, is_primary)": "('a', TRUE), ('a', FALSE), ('b', TRUE)"},
        {"clusters(sample_id, is_primary)": "('a', TRUE), ('a', TRUE), ('b', TRUE)"},
    ),
    (
        "every_sample_is_in_a_cluster",
        "memberships",
        SAMPLES,
        {"memberships(sample_id)": "('a'), ('a'), ('b')"},
        {"memberships(sample_id)": "('a'), ('a')"},
    ),
    (
        "quotas_add_up_to_the_selection_size",
        "cluster_quotas",
        {},
        QUOTAS,
        {next(iter(QUOTAS)): "(1, 10, 3, 5), (2, 1, 1, 5)"},
    ),
    (
        "quotas_add_up_to_the_selection_size",
        "cluster_quotas",
        {},
        {},
        {next(iter(QUOTAS)): "(1, 2, 1, 5), (2, 1, 1, 5)"},
    ),
    (
        "calls_stay_in_the_budget",
        "judging_plan",
        {"cluster_quotas(cluster_id, n_candidates)": "(1, 10), (2, 5)"},
        {"judging_plan(cluster_id, n_calls_so_far)": "(1, 15), (2, 99)"},
        {"judging_plan(cluster_id, n_calls_so_far)": "(1, 16)"},
    ),
    (
        "judging_failures_are_few",
        "pair_replies_2",
        {},
        {"pair_replies_2(error)": "(NULL), (NULL)"},
        {"pair_replies_2(error)": "(NULL), ('timeout: 60 s')"},
    ),
    (
        "comparisons_count_every_judgment_twice",
        "comparisons_1",
        FIRST_REPLIES,
        {"comparisons_1(n_judgments)": "(1), (1)"},
        {"comparisons_1(n_judgments)": "(1), (1), (1), (1)"},
    ),
    (
        "comparisons_count_every_judgment_twice",
        "comparisons_1",
        FIRST_REPLIES,
        {},
        {"comparisons_1(n_judgments)": "(NULL)"},
    ),
    (
        "scores_or_an_error",
        "pair_scores",
        {},
        {SCORES: "('p', 90, 10, NULL), ('q', NULL, NULL, 'timeout')"},
        {SCORES: "('p', 90, 10, 'timeout')"},
    ),
    ("scores_or_an_error", "pair_scores", {}, {}, {SCORES: "('p', NULL, NULL, NULL)"}),
    ("scores_or_an_error", "pair_scores", {}, {}, {SCORES: "('p', 90, NULL, NULL)"}),
    (
        "scores_go_beyond_a_scale_of_ten",
        "pair_scores",
        {},
        {SCALE: "('a', 10, 11), ('b', NULL, NULL)" + ", ('a', 7, 8)" * 9 + ", ('b', 7, 8)" * 9},
        {SCALE: "('b', 90, 90)" + ", ('a', 10, 8)" * 10},
    ),
    ("the_budget_is_kept", "selected", LARGE, {"selected(x)": "(1), (2), (3)"}, {"selected(x)": "(1), (2)"}),
    ("the_budget_is_kept", "selected", LARGE, {}, {"selected(x)": "(1), (2), (3), (4)"}),
    (
        "as_many_samples_are_kept_as_asked_for",
        "selection_counts",
        {},
        {"selection_counts(shortfall)": "(NULL)"},
        {"selection_counts(shortfall)": "('all candidates are kept')"},
    ),
    (
        "every_sample_has_an_outcome",
        "sample_outcomes",
        SAMPLES,
        {"sample_outcomes(sample_id)": "('a'), ('b')"},
        {"sample_outcomes(sample_id)": "('a')"},
    ),
    (
        "every_pair_has_one_reply",
        "pair_replies_1",
        PAIRS,
        {"pair_replies_1(pair_id)": "('p'), ('q')"},
        {"pair_replies_1(pair_id)": "('p')"},
    ),
    ("every_pair_has_one_reply", "pair_replies_1", PAIRS, {}, {"pair_replies_1(pair_id)": "('p'), ('q'), ('old')"}),
    ("every_pair_has_one_reply", "pair_replies_1", PAIRS, {}, {"pair_replies_1(pair_id)": "('p'), ('q'), ('q')"}),
    (
        "comparisons_come_from_the_replies_so_far",
        "comparisons_1",
        PAIRS | {JUDGED: BOTH_JUDGED},
        {COMPARED: "(7, 'a', 'b', 150, 2), (7, 'b', 'a', 110, 2)"},
        {COMPARED: "(7, 'a', 'b', 151, 2), (7, 'b', 'a', 109, 2)"},
    ),
    (
        "comparisons_come_from_the_replies_so_far",
        "comparisons_1",
        PAIRS | {JUDGED: BOTH_JUDGED},
        {},
        {COMPARED: "(7, 'a', 'b', 150, 2), (7, 'b', 'a', 110, 2), (7, 'c', 'a', 110, 2)"},
    ),
    (
        "candidates_and_only_they_are_scored",
        "scores_1",
        THREE_MEMBERS,
        {"scores_1(sample_id, cluster_id)": "('a', 7), ('b', 7)"},
        {"scores_1(sample_id, cluster_id)": "('a', 7), ('c', 7)"},
    ),
    (
        "scores_count_the_comparisons_of_the_round",
        "scores_1",
        {COMPARED: "(7, 'a', 'b', 150, 2), (7, 'b', 'a', 110, 2)"},
        {"scores_1(sample_id, cluster_id, n_comparisons, n_judgments)": "('a', 7, 1, 2), ('c', 7, 0, 0)"},
        {"scores_1(sample_id, cluster_id, n_comparisons, n_judgments)": "('a', 7, 2, 2), ('c', 7, 0, 0)"},
    ),
    (
        "scores_count_the_comparisons_of_the_round",
        "scores_1",
        {COMPARED: "(7, 'a', 'b', 150, 2)"},
        {},
        {"scores_1(sample_id, cluster_id, n_comparisons, n_judgments)": "('a', 7, 1, 2), ('c', 7, 1, 1)"},
    ),
    (
        "pairs_are_of_the_best_so_far",
        "pairs_1",
        PAIRS,
        {"scores_0(sample_id, cluster_id)": "('a', 7), ('b', 7)"},
        {"scores_0(sample_id, cluster_id)": "('a', 7), ('b', 8)"},
    ),
    (
        "judged_pairs_and_only_they_have_scores",
        "pair_scores",
        {"pairs(pair_id, first_sample_id, second_sample_id)": "('p', 'a', 'b')"},
        {"pair_scores(pair_id, first_sample_id, second_sample_id)": "('p', 'a', 'b')"},
        {"pair_scores(pair_id, first_sample_id, second_sample_id)": "('q', 'a', 'b')"},
    ),
    (
        "judged_pairs_and_only_they_have_scores",
        "pair_scores",
        {"pairs(pair_id, first_sample_id, second_sample_id)": "('p', 'a', 'b')"},
        {},
        {"pair_scores(pair_id, first_sample_id, second_sample_id)": "('p', 'b', 'a')"},
    ),
    (
        "every_cluster_with_candidates_has_a_plan",
        "judging_plan",
        {"cluster_quotas(cluster_id, n_candidates)": "(1, 10), (2, 5)"},
        {"judging_plan(cluster_id, n_pool)": "(1, 10), (1, 4), (2, 5)"},
        {"judging_plan(cluster_id, n_pool)": "(1, 9), (1, 4), (2, 5)"},
    ),
    (
        "every_cluster_with_candidates_has_a_plan",
        "judging_plan",
        {"cluster_quotas(cluster_id, n_candidates)": "(1, 10), (2, 5)"},
        {},
        {"judging_plan(cluster_id, n_pool)": "(1, 10)"},
    ),
    (
        "quotas_count_the_candidates",
        "cluster_quotas",
        THREE_MEMBERS,
        {"cluster_quotas(cluster_id, n_candidates)": "(7, 2)"},
        {"cluster_quotas(cluster_id, n_candidates)": "(7, 3)"},
    ),
    (
        "memberships_are_the_clusters_of_the_samples",
        "memberships",
        {"clusters(sample_id, cluster_id, n_tags)": "('a', 1, 2), ('b', -1, 0)"},
        {"memberships(sample_id, cluster_id, n_tags)": "('a', 1, 2), ('b', -1, 0)"},
        {"memberships(sample_id, cluster_id, n_tags)": "('a', 2, 2), ('b', -1, 0)"},
    ),
    (
        "selected_samples_have_their_scores",
        "selected",
        {"sample_scores(sample_id, cluster_id, cluster_rank)": "('a', 7, 1), ('b', 7, 2)"},
        {KEPT: "('a', 7, 1, 1), ('b', 7, 2, 2)"},
        {KEPT: "('a', 7, 1, 1), ('b', 7, 3, 2)"},
    ),
    (
        "selected_samples_have_their_scores",
        "selected",
        {"sample_scores(sample_id, cluster_id, cluster_rank)": "('a', 7, 1), ('b', 7, 2)"},
        {},
        {KEPT: "('a', 7, 1, 1), ('b', 7, 2, 3)"},
    ),
    (
        "selected_samples_fill_the_plan",
        "selected",
        FILLED,
        {KEPT: "('a', 7, 1, 1)"},
        {KEPT: "('a', 7, 1, 1), ('b', 7, 2, 2)"},
    ),
    (
        "outcomes_select_what_is_selected",
        "sample_outcomes",
        {KEPT: "('a', 7, 1, 1)"},
        {OUTCOMES: "('a', TRUE, 1), ('b', FALSE, NULL)"},
        {OUTCOMES: "('a', FALSE, NULL), ('b', TRUE, 1)"},
    ),
    (
        "other_wordings_are_of_judged_pairs",
        "wording_replies",
        {"pairs(pair_id)": "('p'), ('q')"},
        {"wording_replies(pair_id)": "('p')"},
        {"wording_replies(pair_id)": "('p'), ('x')"},
    ),
    (
        "pairs_judged_again_are_of_the_first_round",
        "second_judge_replies",
        {"pairs(pair_id, judging_round)": "('p', 1), ('q', 2)"},
        {"second_judge_replies(pair_id)": "('p')"},
        {"second_judge_replies(pair_id)": "('p'), ('q')"},
    ),
    (
        "stays_follow_each_other",
        "selection_history",
        {},
        {STAYS: "('a', 1, 10, 20), ('a', 2, 20, NULL), ('b', 1, 10, NULL)"},
        {STAYS: "('a', 1, 10, NULL), ('a', 2, 20, NULL)"},
    ),
    ("stays_follow_each_other", "selection_history", {}, {}, {STAYS: "('a', 1, 10, 9)"}),
    ("stays_follow_each_other", "selection_history", {}, {}, {STAYS: "('a', 1, 10, 30), ('a', 2, 20, NULL)"}),
    (
        "clusters_hold_exactly_the_normalized_tags",
        "tag_clusters",
        {"normalized_tags(normalized_tag)": "('x'), ('x'), ('y')"},
        {"tag_clusters(normalized_tag)": "('x'), ('y')"},
        {"tag_clusters(normalized_tag)": "('x')"},
    ),
    (
        "clusters_hold_exactly_the_normalized_tags",
        "tag_clusters",
        {"normalized_tags(normalized_tag)": "('x'), ('x'), ('y')"},
        {},
        {"tag_clusters(normalized_tag)": "('x'), ('y'), ('old')"},
    ),
    (
        "no_normalized_tag_of_a_sample_is_missing",
        "normalized_tags",
        SAMPLES
        | {
            "normalization_thresholds(n_samples)": "(2)",
            "raw_tags(sample_id, raw_tag)": "('a', 'X'), ('b', 'Y'), ('b', 'Z')",
            "tag_map(raw_tag, normalized_tag)": "('X', 'x'), ('Y', 'y'), ('Z', NULL)",
        },
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x'), ('b', 'y')"},
        {"normalized_tags(sample_id, normalized_tag)": "('a', 'x')"},
    ),
    (
        "the_map_holds_exactly_the_raw_tags",
        "tag_map",
        {"raw_tags(raw_tag)": "('x'), ('x'), ('y')"},
        {"tag_map(raw_tag, n_occurrences)": "('x', 2), ('y', 1)"},
        {"tag_map(raw_tag, n_occurrences)": "('x', 2), ('z', 1)"},
    ),
    (
        "frequencies_count_the_samples_of_every_tag",
        "tag_frequencies",
        {"sample_tags(canonical_tag)": "('x'), ('x'), ('y')"},
        {"tag_frequencies(canonical_tag, n_samples)": "('x', 2), ('y', 1)"},
        {"tag_frequencies(canonical_tag, n_samples)": "('x', 1), ('y', 1)"},
    ),
    (
        "kept_tags_and_only_they_are_merged",
        "tag_merges",
        {"tag_frequencies(canonical_tag, is_kept)": "('x', TRUE), ('y', FALSE)"},
        {"tag_merges(canonical_tag)": "('x')"},
        {"tag_merges(canonical_tag)": "('x'), ('y')"},
    ),
    (
        "the_last_round_gains_most",
        "judging_progress",
        {},
        {PROGRESS: "(0, .2, 0), (1, .9, 2.5), (2, .7, 2), (3, 1, 2.5)"},
        {PROGRESS: "(0, .2, 0), (1, .9, 2.6), (2, .7, 2), (3, 1, 2.5)"},
    ),
    ("the_last_round_gains_most", "judging_progress", {}, {}, {PROGRESS: "(0, .2, 0), (1, 1, 2), (2, .9, 2.5)"}),
    (
        "samples_are_in_clusters_of_tags",
        "clusters",
        {"placement_tags(sample_id)": "('a')", "cluster_centroids(cluster_id)": "(1), (2)"},
        {"clusters(sample_id, cluster_id)": "('a', 1), ('b', -1)"},
        {"clusters(sample_id, cluster_id)": "('a', 3), ('b', -1)"},
    ),
    (
        "samples_are_in_clusters_of_tags",
        "clusters",
        {"placement_tags(sample_id)": "('a')", "cluster_centroids(cluster_id)": "(1), (2)"},
        {},
        {"clusters(sample_id, cluster_id)": "('a', -1), ('b', -1)"},
    ),
    (
        "no_grave_signature_fails",
        "failure_signatures",
        {},
        {SIGNATURES: "('x', 't', .9, .5, TRUE, FALSE, 'a'), ('y', 't', .1, .5, FALSE, TRUE, 'a')"},
        {SIGNATURES: "('x', 't', .9, .5, TRUE, FALSE, 'a'), ('y', 't', .9, .5, TRUE, TRUE, 'a')"},
    ),
    (
        "no_signature_fails",
        "failure_signatures",
        {},
        {SIGNATURES: "('y', 't', .1, .5, FALSE, TRUE, 'a'), ('z', 't', NULL, .5, NULL, TRUE, 'a')"},
        {SIGNATURES: "('x', 't', .9, .5, TRUE, FALSE, 'a')"},
    ),
]


def fails(project: Context, audit_name: str, model_name: str, tables: Tables) -> bool:
    """Whether an audit finds something in the tables, or stops with its message."""
    model = next(model for model in project.models.values() if model.view_name == model_name)
    audit, arguments = next((audit, given) for audit, given in model.audits_with_args if audit.name == audit_name)
    query = model.render_audit_query(audit, start="2026-01-01", end="2026-01-31", **arguments).copy()
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
    with duckdb.connect() as connection:
        schemas = {model.view_name: model.schema_name for model in project.models.values()}
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal")
        for name, rows in tables.items():
            table = name.partition("(")[0]
            connection.execute(f"CREATE TABLE {schemas[table]}.{table} AS FROM (VALUES {rows}) {name}")
        try:
            return bool(connection.sql(query.sql(dialect="duckdb")).fetchall())
        except duckdb.InvalidInputException:
            return True


@pytest.mark.parametrize(("audit", "model", "tables", "sound", "broken"), CASES)
def test_an_audit_finds_what_is_wrong_and_nothing_else(
    project: Context, audit: str, model: str, tables: Tables, sound: Tables, broken: Tables
) -> None:
    assert fails(project, audit, model, tables | broken)
    if sound:
        assert not fails(project, audit, model, tables | sound)


def test_no_audit_is_left_out(project: Context) -> None:
    files = (PROJECT_ROOT / "audits").glob("*.sql")
    n_audits = sum(file.read_text(encoding="utf-8").count("AUDIT (") for file in files)
    tested = {audit for audit, *_ in CASES}
    used = {audit for model in project.models.values() for audit, _ in model.audits}
    assert len(tested) == n_audits
    assert tested <= used
