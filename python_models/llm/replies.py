"""Reading what a model wrote: what can be read safely is read, anything else is refused with a typed error.

Nothing is ever guessed: a reply that stops in the middle is not completed, a score outside its scale is not moved.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import json_repair

MAX_TAGS = 30
MAX_TAG_CHARS = 100
LOWEST_SCORE = 1
HIGHEST_SCORE = 100

_FENCE = re.compile(r"```[\w+-]*[ \t]*\r?\n?(.*?)```", re.DOTALL)
_SMART_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_QUOTED_CHARS = 80
_INTEGRAL = re.compile(r"[+-]?\d{1,4}(?:\.0+)?")


class InvalidReply(ValueError):  # noqa: N818 - named for what it is in the tables
    """A reply that cannot be used.

    Attributes:
        kind: what is wrong: ``invalid_json``, ``not_an_object``, ``missing_key``, ``invalid_value``, ``out_of_range``,
            ``truncated``, ``refused`` or ``empty_reply``.
        detail: what was wanted and what was got.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail


def quote(value: object) -> str:
    """Show a value in an error message: its repr, cut to one line of bounded length."""
    if isinstance(value, str) and len(value) > _QUOTED_CHARS:
        value = value[:_QUOTED_CHARS] + "…"
    text = repr(value)
    return text if len(text) <= 2 * _QUOTED_CHARS else text[: 2 * _QUOTED_CHARS] + "…"


def read_json(text: str) -> Any:
    """Read a JSON value: strictly, else out of a code fence or prose, else repaired (trailing commas, smart quotes).

    Repair never completes a reply that stops in the middle: its last value may be cut ("8" of "85").

    Raises:
        InvalidReply: ``empty_reply``, ``truncated`` (brackets or a string left open) or ``invalid_json``.
    """
    stripped = text.strip().lstrip("\ufeff")
    if not stripped:
        raise InvalidReply("empty_reply")
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass  # not plain JSON: the other ways follow
    fenced = _FENCE.search(stripped)
    body = fenced.group(1).strip() if fenced else stripped
    start = min((at for at in (body.find("{"), body.find("[")) if at >= 0), default=-1)
    if start < 0:
        raise InvalidReply("invalid_json", f"no JSON object or array in {quote(stripped)}")
    body = body[start:]
    try:
        return json.JSONDecoder().raw_decode(body)[0]
    except (ValueError, RecursionError):
        pass
    body = body.translate(_SMART_QUOTES)
    end = _end_of_value(body)
    if end is None:
        raise InvalidReply("truncated", f"the reply ends inside its JSON: …{quote(body[-_QUOTED_CHARS:])}")
    try:
        value = json_repair.loads(body[:end], skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        raise InvalidReply("invalid_json", f"{quote(stripped)} ({error})") from None
    if not isinstance(value, (dict, list)):
        raise InvalidReply("invalid_json", quote(stripped))
    return value


def _end_of_value(text: str) -> int | None:
    """Where the bracket that opens ``text`` is closed (exclusive), None if it never is."""
    depth = 0
    in_string = False
    escaped = False
    for at, char in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def is_complete_json(text: str) -> bool:
    """Whether the text, out of its code fence if it has one, is one whole JSON value."""
    stripped = text.strip()
    fenced = _FENCE.search(stripped)
    try:
        json.loads(fenced.group(1) if fenced else stripped)
    except (ValueError, RecursionError):
        return False
    return True


def read_json_object(text: str) -> dict[str, Any]:
    """Read a JSON object (see read_json).

    Raises:
        InvalidReply: as read_json, and ``not_an_object``.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise InvalidReply("not_an_object", f"wanted a JSON object, got {quote(value)}")
    return value


def parse_tags(text: str) -> list[dict[str, Any]]:
    """Read a tagging reply: an object with a list ``tags``, or the list itself.

    Entries are objects with ``tag`` (and ``explanation``) or plain strings. Tags are stripped, empty ones and exact
    repeats dropped, cut at 100 characters, at most 30 are kept; nothing else about them is changed.

    Returns:
        Dicts with ``tag_position`` (from 1), ``raw_tag`` and ``explanation`` (None if there is none).

    Raises:
        InvalidReply: unreadable, no list of tags, an entry that is neither, or no tag at all (``empty_reply``).
    """
    value = read_json(text)
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
        raise InvalidReply("empty_reply", "the list of tags is empty")
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
    return entry.strip()[:MAX_TAG_CHARS].rstrip(), said or None


def parse_scores(text: str) -> tuple[int, int]:
    """Read a judging reply: an object with ``first_score`` and ``second_score``, whole numbers from 1 to 100.

    Whole numbers written as strings or floats ("85", 85.0) are read; nothing is rounded or moved into the range.

    Raises:
        InvalidReply: unreadable, ``missing_key``, ``invalid_value`` or ``out_of_range``.
    """
    scores = read_json_object(text)
    return _read_score(scores, "first_score"), _read_score(scores, "second_score")


def _read_score(scores: dict[str, Any], name: str) -> int:
    if name not in scores:
        raise InvalidReply("missing_key", f"wanted {name!r}, got the keys {quote(sorted(scores))}")
    value = scores[name]
    wanted = f"{name!r} must be a whole number from {LOWEST_SCORE} to {HIGHEST_SCORE}, but it is {quote(value)}"
    if isinstance(value, str) and _INTEGRAL.fullmatch(value.strip()):
        value = float(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidReply("invalid_value", wanted)
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        raise InvalidReply("invalid_value", wanted)
    if not LOWEST_SCORE <= value <= HIGHEST_SCORE:
        raise InvalidReply("out_of_range", wanted)
    return int(value)
