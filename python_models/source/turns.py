"""One turn of a conversation: who speaks, what is said, the calls of tools, and whether it is to be learned."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from python_models.source.calls import CALL_FIELDS, CALL_TYPES, list_calls, write_calls
from python_models.source.contents import THOUGHT_FIELDS, read_content, read_result, write_thoughts
from python_models.source.texts import clean, is_empty

CONTENT_FIELDS = ("value", "content", "text", "message", "utterance", "parts", "data", "output", "refusal")
# Marks of the author that a turn is context, not something to be learned: OpenAI, LLaMA-Factory, ms-swift, Axolotl.
LEARNED_FIELDS = ("weight", "loss_weight", "loss", "loss_scale", "train", "training", "trainable", "output_with_loss")


class Turn(NamedTuple):
    """One turn: role is user, assistant (also its calls), system or tool; text is clean, None if there is none.

    ``not_learned`` is the author's mark that an answer is context only, such as "weight is 0"; None without one. Of an
    answer with calls of tools, ``calls`` are these and ``said`` is the text before them, both of which ``text`` has.
    ``unread`` is the kind of a part that the text does not have, such as image_url.
    """

    role: str
    text: str | None
    not_learned: str | None = None
    calls: tuple[Any, ...] = ()
    said: str = ""
    unread: str | None = None


def make_turns(role: str, turn: dict[str, Any]) -> Iterator[Turn]:
    """Make the turns of an object whose role is known: one, or also those of tools whose results it hands over.

    Args:
        role: user, assistant, system, tool, call (of a tool, by the assistant) or thought.

    Raises:
        ContentError: what it holds cannot be read.
    """
    value = next((turn[field] for field in CONTENT_FIELDS if not is_empty(turn.get(field))), None)
    if isinstance(value, dict) and "content" in value:  # LangChain's {"type": "human", "data": {"content": ...}}
        value = value["content"]
    if role == "tool":
        yield Turn(role, clean(value) if isinstance(value, str) else read_result(value) or None)
        return
    if role == "thought":
        yield Turn(role, read_content(value).text or None)
        return
    if role == "call":
        is_named = turn.get("type") in CALL_TYPES and "name" in turn
        calls = list_calls(turn if is_named or value is None else value)
        # A text that is no call, such as {}, is what is to be learned all the same.
        text = write_calls(calls) or (clean(value) if isinstance(value, str) else None)
        yield Turn("assistant", text, find_mark(turn), tuple(calls))
        return
    content = read_content(value)
    if role != "assistant":
        # Anthropic hands the results of tools over in a turn of the user.
        yield from (Turn("tool", result or None) for result in content.results)
        if content.text or not content.results:
            yield Turn(role, content.text or None, unread=content.unread)
        return
    calls = [list(content.calls), *(list_calls(turn[field]) for field in CALL_FIELDS if turn.get(field))]
    thoughts = content.thoughts or next(
        (clean(turn[field]) for field in THOUGHT_FIELDS if isinstance(turn.get(field), str)), ""
    )
    said = write_thoughts(thoughts, content.text)
    text = "\n\n".join(filter(None, (said, *(write_calls(some) for some in calls))))
    unread = content.unread or ("tool_result" if content.results else None)
    yield Turn(role, text or None, find_mark(turn), tuple(chain.from_iterable(calls)), said, unread)


def join_thoughts(turns: list[Turn]) -> list[Turn]:
    """Put thoughts that are turns of their own before the answer that follows them; without one they are nothing."""
    joined: list[Turn] = []
    thoughts: list[str] = []
    for turn in turns:
        if turn.role == "thought":
            thoughts.append(turn.text or "")
            continue
        if turn.role == "assistant" and any(thoughts):
            thought = "\n\n".join(filter(None, thoughts))
            turn = turn._replace(text=write_thoughts(thought, turn.text or ""), said=write_thoughts(thought, turn.said))
        thoughts = []
        joined.append(turn)
    return joined


def make_turn(role: str, value: Any, mark: str | None = None) -> Turn:
    """Make a turn of a content alone; ``mark`` is its ``not_learned``.

    Raises:
        ContentError: the content cannot be read.
    """
    content = read_content(value)
    return Turn(role, content.text, mark, unread=content.unread)


def find_mark(turn: dict[str, Any]) -> str | None:
    """Find the author's mark that a turn is not to be learned."""
    for field in LEARNED_FIELDS:
        value = turn.get(field)
        if value is False or value == 0 or (isinstance(value, str) and value.strip().lower() in ("false", "0", "0.0")):
            return f"{field} is {str(value).strip().lower()}"
    return None
