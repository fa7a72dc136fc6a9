"""Several answers to one question in columns of their own, and which of them the author prefers."""

from __future__ import annotations

import re
from typing import Any

from python_models.source.names import PREFERENCE_FIELDS, VARIANT_COLUMN
from python_models.source.texts import is_empty

TIES = re.compile(r"tie\b.*|both.*|neither|draw|equal|same|none", re.DOTALL)
ORDINALS = {"first": 0, "left": 0, "second": 1, "right": 1}
# Degrees to which the second of two answers is better than the first; below 0 the first is.
SIGNED_FIELDS = ("overall_preference", "preference_strength")
SCORE_STEMS = ("score", "rating", "reward")


class NotPreferredError(ValueError):
    """None of the answers is preferred; the message is the reason for rejecting the record."""


def prefer(record: dict[str, Any], variants: list[tuple[str, Any]]) -> tuple[str, Any] | None:
    """Find the answer that the author prefers among ``response_a`` and ``response_b``, ``output_1`` and ``output_2``.

    Args:
        record: the whole record: it says which one under a name such as ``winner``, or scores them.
        variants: (name in small letters, value) of what may be such answers; one alone is none.

    Returns:
        Its name and value, None if these are no answers to choose among.

    Raises:
        NotPreferredError: a tie, nothing that says which, or something that names none of them.
    """
    answers = _group(variants)
    if len(answers) < 2:
        return None
    names = [name for name, _ in answers.values()]
    lowered = {str(key).strip().lower(): value for key, value in record.items() if not is_empty(value)}
    why, is_tie = "", False
    for field in PREFERENCE_FIELDS:
        if field not in lowered:
            continue
        mark = _find_named(field, lowered[field], answers, lowered)
        if mark is not None and mark in answers:
            return answers[mark]
        why = why or f": {field} is {str(lowered[field])[:40]}"
        if is_tie := _is_tie(field, lowered[field]):
            break
    prefixes = ("winner_", "winner_model_")
    winners = [suffix for suffix in answers for prefix in prefixes if _is_one(lowered, prefix, suffix)]
    if len(winners) == 1:
        return answers[winners[0]]
    scores = {suffix: _find_score(suffix, name, lowered) for suffix, (name, _) in answers.items()}
    known = [score for score in scores.values() if score is not None]
    if not is_tie and len(known) == len(answers):
        best = [suffix for suffix, score in scores.items() if score == max(known)]
        if len(best) == 1:
            return answers[best[0]]
        why = ": their scores are equal"
    if not why and _is_one(lowered, "winner_", "tie"):
        why = ": winner_tie is 1"
    raise NotPreferredError(f"{len(answers)} answers ({', '.join(names)}), none preferred{why}")


def _group(variants: list[tuple[str, Any]]) -> dict[str, tuple[str, Any]]:
    """Give the answers of the first kind that has several: suffix to (name, value)."""
    kinds: dict[str, dict[str, tuple[str, Any]]] = {}
    for name, value in variants:
        if match := VARIANT_COLUMN.fullmatch(name):
            kinds.setdefault(match[1], {})[match[2]] = name, value
    return next((kind for kind in kinds.values() if len(kind) > 1), {})


def _find_named(field: str, value: Any, answers: dict[str, tuple[str, Any]], record: dict[str, Any]) -> str | None:
    """Find the suffix of the answer that a mark names; None if it is a tie or names none of them."""
    suffixes = list(answers)
    if isinstance(value, int | float) and field in SIGNED_FIELDS and len(suffixes) == 2:
        return suffixes[int(value > 0)] if value else None
    text = str(value).strip().lower().removesuffix(".0")
    if _is_tie(field, value) or isinstance(value, bool | list | dict):
        return None
    if "human_ref" in answers[suffixes[0]][0] and text in ("0", "1"):  # SHP: 1 if A is preferred to B
        return suffixes[1 - int(text)]
    if text in ORDINALS:
        return suffixes[ORDINALS[text]]
    for suffix, (name, answer) in answers.items():
        if text in (suffix, name, str(record.get(f"model_{suffix}", suffix)).strip().lower()) or value == answer:
            return suffix
    last = re.split(r"[\s_-]+", text)[-1]
    return last if last in answers and len(text) < 20 else None


def _is_tie(field: str, value: Any) -> bool:
    return (field in SIGNED_FIELDS and value == 0) or TIES.fullmatch(str(value).strip().lower()) is not None


def _is_one(record: dict[str, Any], prefix: str, suffix: str) -> bool:
    return str(record.get(prefix + suffix)).strip().lower() in ("1", "1.0", "true")


def _find_score(suffix: str, name: str, record: dict[str, Any]) -> float | None:
    names = (*(f"{stem}_{suffix}" for stem in SCORE_STEMS), *(f"{name}_{stem}" for stem in SCORE_STEMS))
    for field in names:
        if isinstance(record.get(field), int | float) and not isinstance(record[field], bool):
            return float(record[field])
    return None
