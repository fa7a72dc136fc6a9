"""A variable that means nothing is refused at the start, by name; every variable has a rule."""

from __future__ import annotations

from typing import Any

import pytest

from python_models.settings import SettingError
from python_models.variable_rules import RULES, check_variables
from python_models.variables import configured_variables


@pytest.fixture(scope="module")
def variables() -> dict[str, Any]:
    return configured_variables()


def test_every_variable_has_a_rule_which_its_value_keeps(
    variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert variables.keys() == RULES.keys()
    check_variables(variables)
    monkeypatch.setenv("TACOS_GATEWAY", "openai")
    check_variables(configured_variables())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_limit", "many"),
        ("sample_limit", "-5"),
        ("sample_limit", "1.5"),
        ("sample_limit", "1_000"),
        ("sample_limit", "1,000"),
        ("sample_limit", "٣"),
        ("n_clusters", -1),
        ("n_clusters", 3.5),
        ("n_clusters", True),
        ("n_clusters", None),
        ("judge_calls_per_sample", float("nan")),
        ("judge_calls_per_sample", float("inf")),
        ("judge_calls_per_sample", "1.5"),
        ("max_flip_rate", 25),
        ("rule_stemming", "no"),
        ("rule_stemming", 0),
        ("allow_grave_signatures", "false"),
        ("cluster_refit", "lukewarm"),
        ("cluster_refit", ["warm"]),
        ("embedding_model", " "),
        ("column_mapping", None),
        ("leading_words", "the"),
        ("leading_words", ["The"]),
        ("min_tag_frequency", 0),
        ("random_seed", -1),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(variables: dict[str, Any], name: str, value: object) -> None:
    with pytest.raises(SettingError) as refused:
        check_variables({**variables, name: value})
    assert refused.value.message.startswith(f"The variable {name} must be ")
    assert repr(value) in refused.value.message


def test_the_environment_variable_that_set_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_SAMPLE_LIMIT", "many")
    with pytest.raises(SettingError, match=r"The variable sample_limit \(from TACOS_SAMPLE_LIMIT\) must be"):
        check_variables({"sample_limit": "many"})


def test_whole_numbers_may_come_as_text_from_the_environment() -> None:
    check_variables({"sample_limit": " 200 "})


def test_all_that_is_wrong_is_told_at_once_and_a_mistyped_name_too(variables: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as refused:
        check_variables({**variables, "n_clusters": -1, "max_attempts": 0, "n_cluster": 5})
    assert [line.split(" must ")[0].split(":")[0] for line in refused.value.message.splitlines()] == [
        "The variable max_attempts",
        "The variable n_clusters",
        "There is no variable n_cluster",
    ]
