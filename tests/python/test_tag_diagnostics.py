"""What normalization costs, rule by rule, measured on the tables that the project's own rules make."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from normalization_pipeline import Normalization
from sqlmesh import Context
from test_normalization import N_SAMPLES, TABLES

pytestmark = pytest.mark.long

WATERFALL = "tacos.normalization_waterfall"
STEPS = {f"tacos_internal.{name}" for name in ("normalization_steps", "tag_journeys", "tag_steps", "sample_last_steps")}
SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
JOINED_BY = {
    "Ｃ＋＋": "unicode",
    "novelWriting": "camel_case",
    "Grammar": "letter_case",
    "spell_check": "separators",
    '"poem"': "punctuation",
    "world (history)": "white_space",
    "the poem": "leading_words",
    "javascript": "word_breaks",
    "debugging code": "stemming",
    "ML": "aliases",
}
"""Spelling -> the rule that makes it the same tag as one of those below."""

PLAIN = (
    "C++", "novel Writing", "grammar", "spell check", "poem", "world history", "java script", "debug code", "ml",
    "machine learning",
)  # fmt: skip


def with_waterfall(project: Context, **variables: object) -> Normalization:
    """Normalization and the waterfall over it, of the diagnostics only that."""
    made = Normalization(project, variables, stages=("normalization", "diagnostics"))
    made.runner.models = [
        model for model in made.runner.models if "normalization" in model.tags or model.name in {WATERFALL, *STEPS}
    ]
    return made


@pytest.fixture(scope="module", params=["after_rules", "before_rules"])
def normalization(project: Context, request: pytest.FixtureRequest) -> Normalization:
    return with_waterfall(project, frequency_filter=request.param)


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_SETUP)
@given(tags=TABLES)
def test_no_step_adds_tags_and_the_last_one_leaves_the_normalized(
    normalization: Normalization, tags: list[tuple[str, str]]
) -> None:
    normalization.run(tags, N_SAMPLES)
    assert normalization.runner.failed_audits(WATERFALL) == {}
    for measure in ("tags", "occurrences", "tagged_samples"):
        lost = f"SUM(n_lost_{measure.removeprefix('tagged_')}) - (MAX(n_{measure}) - MIN(n_{measure}))"
        assert normalization.rows(f"SELECT {lost} FROM {WATERFALL}") == [(0,)]
    left = "SELECT SUM(n_occurrences) FROM tacos.tag_map WHERE normalized_tag IS NOT NULL"
    assert normalization.rows(f"SELECT n_occurrences FROM {WATERFALL} WHERE step = 'similarity'") == normalization.rows(
        f"SELECT COALESCE(({left}), 0)"
    )


def costs(project: Context, **variables: object) -> dict[str, int]:
    """Step -> distinct tags that it costs, of two samples with the same tags."""
    made = with_waterfall(project, **variables)
    made.run([(sample, tag) for sample in "ab" for tag in (*JOINED_BY, *PLAIN)])
    return dict(made.rows(f"SELECT step, n_lost_tags FROM {WATERFALL} WHERE n_lost_tags > 0"))


def test_every_rule_is_charged_with_what_it_joins(project: Context) -> None:
    assert costs(project) == dict.fromkeys(JOINED_BY.values(), 1) | {"letter_case": 2}


def test_a_rule_that_is_switched_off_costs_nothing(project: Context) -> None:
    assert "punctuation" not in costs(project, rule_punctuation=False)
