"""The content of one turn: a text, or parts of text, calls, results, thoughts and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from python_models.source.calls import CALL_TYPES, RESULT_TYPES, list_calls
from python_models.source.texts import clean, dump, is_empty, read_scalar

TEXT_FIELDS = ("text", "value", "content", "refusal")
TEXT_TYPES = frozenset((None, "text", "input_text", "output_text", "refusal", "markdown", "message"))
THOUGHT_TYPES = frozenset(("thinking", "reasoning", "thought", "reasoning_content"))
# Fields of a turn that hold what the model thinks before it answers.
THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
# Where a part or a turn that hands over the result of a tool has it.
RESULT_FIELDS = ("content", "output", "text", "value", "result", "functionResponse", "response")


class ContentError(ValueError):
    """A content cannot be read; the message goes on after "turn 3"."""


class Content(NamedTuple):
    """What a turn says: text and thoughts ("" if there are none), calls, results of tools that it hands over.

    ``unread`` is the kind of the first part that is not read, such as image_url; None if all is read.
    """

    text: str = ""
    thoughts: str = ""
    calls: tuple[Any, ...] = ()
    results: tuple[str, ...] = ()
    unread: str | None = None


def read_content(content: Any) -> Content:
    """Read the content of a turn.

    Args:
        content: a text (or number), an object with a text or with ``parts``, or a list of parts of any vendor.

    Raises:
        ContentError: it is something else, or has parts of which none is text, a call or a result.
    """
    if isinstance(content, str):
        return Content(clean(content))
    if content is None:
        return Content()
    if isinstance(content, dict):
        parts = content.get("parts")
        content = parts if isinstance(parts, list) else [content]
    elif not isinstance(content, list):
        text = read_scalar(content)
        if text is None:
            raise ContentError("is not text")
        return Content(clean(text))
    found: dict[str, list[Any]] = {"text": [], "thought": [], "call": [], "result": [], "other": []}
    for part in content:
        if not is_empty(part):
            kind, value = _read_part(part)
            found[kind].append(value)
    if found["other"] and not (found["text"] or found["call"] or found["result"] or found["thought"]):
        raise ContentError("has no text, only parts of other kinds")
    return Content(
        clean("\n".join(found["text"])),
        clean("\n".join(found["thought"])),
        tuple(list_calls(found["call"])),
        tuple(read_result(part) for part in found["result"]),
        next((kind for kind in found["other"] if kind), None),
    )


def write_thoughts(thoughts: str, answer: str) -> str:
    """Write thoughts before an answer, as chat templates do; either may be empty."""
    return "\n\n".join(filter(None, (f"<think>\n{thoughts}\n</think>" if thoughts else "", answer)))


def read_result(value: Any) -> str:
    """Read what a tool replies: its text, or the JSON of what is no text; "" for nothing."""
    if isinstance(value, dict):
        value = next((value[field] for field in RESULT_FIELDS if not is_empty(value.get(field))), value)
    if is_empty(value):
        return ""
    try:
        content = read_content(value)
    except ContentError:
        return dump(value)
    return content.text or dump(value)


def _read_part(part: Any) -> tuple[str, Any]:
    """Tell the kind of a part (text, thought, call, result or other) and give its text or call."""
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, dict):
        raise ContentError("has a part that is not text")
    kind = part.get("type")
    if kind in CALL_TYPES or str(kind).endswith("_tool_use"):
        return "call", next((part[field] for field in ("value", "text", "tool_calls") if part.get(field)), part)
    if "functionCall" in part:
        return "call", part["functionCall"]
    if kind in RESULT_TYPES or str(kind).endswith("_tool_result") or "functionResponse" in part:
        return "result", part
    if kind in THOUGHT_TYPES or part.get("thought") is True:
        texts = [part[field] for field in ("thinking", "reasoning", *TEXT_FIELDS) if isinstance(part.get(field), str)]
        return ("thought", texts[0]) if texts else ("other", kind)
    if kind in TEXT_TYPES or isinstance(part.get("text"), str):
        texts = list(_texts(part))
        return ("text", texts[0]) if texts else ("other", None)
    return "other", str(kind or next(iter(part), "part"))


def _texts(part: dict[str, Any]) -> Iterator[str]:
    for field in TEXT_FIELDS:
        value = part.get(field)
        if isinstance(value, str):
            yield value
        elif value is not None:
            raise ContentError("has a part that is not text")
