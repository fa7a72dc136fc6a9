"""Reading what a model wrote: what can be read safely is read, anything else is refused with a typed error.

Nothing is ever guessed: a reply that stops in the middle is not completed, a score outside its scale is not moved.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from python_models.llm.answer_text import read_json
from python_models.llm.invalid_reply import InvalidReply, quote

__all__ = ["InvalidReply", "parse_scores", "parse_tags", "read_json_object"]

MAX_TAGS = 30
MAX_TAG_CHARS = 100
LOWEST_SCORE = 1
HIGHEST_SCORE = 100

_INTEGRAL = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,3})(?:\.0+)?")

# What stands in a form where a tag should be: nothing but punctuation, or the name of the place itself.
_PLACEHOLDER = re.compile(
    r"[\W_]*|\W*(?:(?:your|the|some|example|first|second|third)[ _-])?tags?(?:[ _-]?(?:name|here|\d+))*\W*"
    r"|\W*(?:string|placeholder|none|null|n/a)\W*",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:i['’]?m|i am|we['’]?re) (?:very |really |so )?sorry\b|sorry,|i (?:can['’]?t|can ?not|won['’]?t|will not)\b"
    r"|i['’]?m (?:unable|not able)\b|i am (?:unable|not able)\b|i (?:must|have to) decline\b|as an ai\b"
    r"|(?:unable|not able) to (?:assist|help|comply|tag|process|provide)\b"
    r"|(?:cannot|can['’]t) (?:assist|help|comply)\b",
    re.IGNORECASE,
)


def read_json_object(text: str, *keys: str) -> dict[str, Any]:
    """Read a JSON object (see ``answer_text.read_json``).

    Raises:
        InvalidReply: as read_json, and ``not_an_object``.
    """
    value = read_json(text, keys)
    if not isinstance(value, dict):
        raise InvalidReply("not_an_object", f"wanted a JSON object, got {quote(value)}")
    return value


def parse_tags(text: str) -> list[dict[str, Any]]:
    """Read a tagging reply: an object with a list ``tags``, or the list itself.

    Entries are objects with ``tag`` (and ``explanation``) or plain strings. Tags are stripped; empty ones, placeholders
    ("...", "tag") and exact repeats are dropped, cut at 100 characters, at most 30 are kept; nothing else is changed.

    Returns:
        Dicts with ``tag_position`` (from 1), ``raw_tag`` and ``explanation`` (None if there is none).

    Raises:
        InvalidReply: unreadable, no list of tags, an entry that is neither, a refusal in the place of a tag
            (``refused``), or no tag at all (``empty_reply``).
    """
    value = read_json(text, ("tags",))
    if isinstance(value, dict):
        if "tags" not in value:
            raise InvalidReply("missing_key", f"wanted an object with 'tags', got the keys {quote(sorted(value))}")
        value = value["tags"]
    if not isinstance(value, list):
        raise InvalidReply("invalid_value", f"'tags' must be a list, but it is {quote(value)}")
    tags: dict[str, str | None] = {}
    for entry in value:
        tag, explanation = _read_tag(entry)
        if tag and tag not in tags and len(tags) < MAX_TAGS:
            tags[tag] = explanation
    if not tags:
        raise InvalidReply("empty_reply", f"no tag in {quote(value)}")
    return [
        {"tag_position": position, "raw_tag": tag, "explanation": explanation}
        for position, (tag, explanation) in enumerate(tags.items(), start=1)
    ]


def _read_tag(entry: object) -> tuple[str, str | None]:
    explanation: object = None
    if isinstance(entry, dict):
        if "tag" not in entry:
            raise InvalidReply("missing_key", f"wanted an object with 'tag', got {quote(entry)}")
        explanation = entry.get("explanation")
        entry = entry["tag"]
    if not isinstance(entry, str):
        raise InvalidReply("invalid_value", f"a tag must be a string, but it is {quote(entry)}")
    said = explanation.strip() if isinstance(explanation, str) else ""
    return _known_tag(entry) if len(entry) <= MAX_TAG_CHARS else _clean_tag(entry), said or None


def _clean_tag(written: str) -> str:
    """The tag as it is kept, empty for a placeholder."""
    if _REFUSAL.match(written.strip()):
        raise InvalidReply("refused", quote(written.strip()))
    tag = written.strip()[:MAX_TAG_CHARS].rstrip()
    return "" if _PLACEHOLDER.fullmatch(tag) else tag


_known_tag = lru_cache(maxsize=10_000)(_clean_tag)  # models use the same tags again and again


_REPEATED_CHARS = 100
"""Replies up to this length, two numbers in JSON, come again and again: what one says is remembered."""


def parse_scores(text: str) -> tuple[int, int]:
    """Read a judging reply: an object with ``first_score`` and ``second_score``, whole numbers from 1 to 100.

    Whole numbers written as strings or floats ("85", 85.0) are read; nothing is rounded or moved into the range.

    Raises:
        InvalidReply: unreadable, ``missing_key``, ``invalid_value`` or ``out_of_range``.
    """
    return _known_scores(text) if len(text) <= _REPEATED_CHARS else _parse_scores(text)


def _parse_scores(text: str) -> tuple[int, int]:
    scores = read_json_object(text, "first_score", "second_score")
    return _read_score(scores, "first_score"), _read_score(scores, "second_score")


_known_scores = lru_cache(maxsize=10_000)(_parse_scores)


def _read_score(scores: dict[str, Any], name: str) -> int:
    if name not in scores:
        raise InvalidReply("missing_key", f"wanted {name!r}, got the keys {quote(sorted(scores))}")
    value = scores[name]
    if isinstance(value, str) and _INTEGRAL.fullmatch(value.strip()):
        value = float(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidReply("invalid_value", _wanted(name, scores[name]))
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        raise InvalidReply("invalid_value", _wanted(name, scores[name]))
    if not LOWEST_SCORE <= value <= HIGHEST_SCORE:
        raise InvalidReply("out_of_range", _wanted(name, scores[name]))
    return int(value)


def _wanted(name: str, value: object) -> str:
    return f"{name!r} must be a whole number from {LOWEST_SCORE} to {HIGHEST_SCORE}, but it is {quote(value)}"
