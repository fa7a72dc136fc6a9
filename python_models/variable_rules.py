"""What each variable of config.yaml may be. A value that means nothing stops a command at its start, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from python_models.settings import SettingError

Rule = Callable[[Any], str | None]
"""Says what a value should have been; None if it is right."""


def whole(lowest: int, highest: int | None = None) -> Rule:
    """A whole number; also as text, which is what an environment variable is."""
    wanted = f"a whole number of at least {lowest}" if highest is None else f"a whole number from {lowest} to {highest}"

    def check(value: Any) -> str | None:
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
            value = int(value)
        is_right = type(value) is int and lowest <= value and (highest is None or value <= highest)
        return None if is_right else wanted

    return check


def number(lowest: float, highest: float) -> Rule:
    """A number; NaN is none."""
    wanted = f"a number from {lowest:g} to {highest:g}"
    return lambda value: None if type(value) in (int, float) and lowest <= value <= highest else wanted


def one_of(*choices: str) -> Rule:
    """One of a few words."""
    return lambda value: None if isinstance(value, str) and value in choices else f"one of {', '.join(choices)}"


def boolean(value: Any) -> str | None:
    """True or false; a text would count as true, whatever it says."""
    return None if isinstance(value, bool) else "true or false"


def text(value: Any) -> str | None:
    """A text, which may be empty."""
    return None if isinstance(value, str) else 'a text ("" for none)'


def name(value: Any) -> str | None:
    """A text that is not empty."""
    return None if isinstance(value, str) and value.strip() else "a text that is not empty"


def words(value: Any) -> str | None:
    """A list of words in lower case, as tags are when the rule is applied."""
    is_right = isinstance(value, list | tuple) and all(isinstance(word, str) and word == word.lower() for word in value)
    return None if is_right else "a list of words in lower case"


SHARE = number(0, 1)
RULES: dict[str, Rule] = {
    "dataset": name,
    "sample_limit": whole(0),
    "column_mapping": text,
    "local_model": text,
    "tagging_model": name,
    "tagging_effort": text,
    "tag_explanations": boolean,
    "max_prompt_chars": whole(1),
    "tagging_max_reply_tokens": whole(0),
    "max_attempts": whole(1),
    "max_failure_share": SHARE,
    **dict.fromkeys(
        (
            *("rule_unicode", "rule_camel_case", "rule_letter_case", "rule_separators", "rule_punctuation"),
            *("rule_white_space", "rule_leading_words", "rule_word_breaks", "rule_stemming"),
        ),
        boolean,
    ),
    "leading_words": words,
    "stemming_scope": one_of("inflections", "families"),
    "stemming_language": name,
    "min_tag_frequency": whole(1),
    "min_tag_share": SHARE,
    "frequency_filter": one_of("after_rules", "before_rules"),
    "association_min_support": whole(0),
    "association_min_confidence": SHARE,
    "association_min_bound": SHARE,
    "association_min_lift": number(0, 1_000_000),
    "semantic_min_similarity": SHARE,
    "drift_max_tags": whole(0),
    "embedding_model": name,
    "cluster_on": one_of("samples", "tags"),
    "cluster_fit_size": whole(1),
    "n_clusters": whole(0),
    "cluster_refit": one_of("warm", "frozen", "cold"),
    "random_seed": whole(0, 2**32 - 1),
    "judge_model": name,
    "judge_effort": text,
    "final_judge_model": text,
    "final_judge_effort": text,
    "judge_wording": name,
    "judge_max_reply_tokens": whole(0),
    "cluster_membership": one_of("primary", "all"),
    "candidate_rule": one_of("all", "longest_per_cluster_set"),
    "judging_profile": one_of("halving", "paper"),
    "judge_calls_per_sample": number(0.5, 4),
    "audit_pair_share": SHARE,
    "audit_wording_share": SHARE,
    "audit_judge_share": SHARE,
    "has_singleton_scores": boolean,
    "selection_size": whole(0, 1_000_000_000),
    "samples_per_cluster": whole(0, 1_000_000_000),
    "review_sample_size": whole(1, 1_000_000),
    "flat_score_spread": number(0, 100),
    **dict.fromkeys(
        (
            *("max_malformed_share", "max_untagged_share", "max_tag_share", "max_single_cluster_share"),
            *("max_cluster_share", "max_flat_cluster_share", "max_flip_rate", "max_length_correlation"),
        ),
        SHARE,
    ),
    "min_cluster_agreement": number(-1, 1),
    "max_position_shift": number(0, 100),
    "coherence_sample_size": whole(0, 1_000_000),
    "allow_grave_signatures": boolean,
}


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse values that mean nothing, and names that nothing reads.

    Args:
        variables: of config.yaml and the gateway.

    Raises:
        SettingError: one line for every variable that is wrong.
    """
    wrong = [
        f"The variable {_source(key)} must be {wanted}, but it is {variables[key]!r}."
        for key, rule in RULES.items()
        if key in variables and (wanted := rule(variables[key])) is not None
    ]
    unknown = sorted(variables.keys() - RULES.keys())
    wrong += [f"There is no variable {key}: config.yaml sets it, but nothing reads it." for key in unknown]
    if wrong:
        raise SettingError("\n".join(wrong))


def _source(key: str) -> str:
    """The name of a variable, and of the environment variable that sets it."""
    setting = f"TACOS_{key.upper()}"
    return f"{key} (from {setting})" if os.environ.get(setting, "").strip() else key
