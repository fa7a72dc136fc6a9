"""Turns of a conversation in any of the field's forms, and the sample that a list of turns makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from python_models.source.calls import CALL_FIELDS, CALL_TYPES, RESULT_TYPES, write_calls
from python_models.source.contents import THOUGHT_FIELDS, Content, ContentError, read_content, write_thoughts
from python_models.source.roles import PAIR_FIELDS, ROLES, find_role
from python_models.source.texts import clean, is_empty, read_json

ROLE_FIELDS = ("from", "role", "speaker", "author", "sender", "type")
CONTENT_FIELDS = ("value", "content", "text", "message", "utterance", "parts", "data", "output", "refusal")
# Marks of the author that a turn is context, not something to be learned: OpenAI, LLaMA-Factory, ms-swift, Axolotl.
LEARNED_FIELDS = ("weight", "loss_weight", "loss", "loss_scale", "train", "training", "trainable", "output_with_loss")


SPEAKERS = ("user", "assistant", "system")


class Turn(NamedTuple):
    """One turn: role is user, assistant (also its calls), system or tool; text is clean, None if there is none.

    ``not_learned`` is the author's mark that an answer is context only, such as "weight is 0"; None without one.
    """

    role: str
    text: str | None
    not_learned: str | None = None


class TurnError(ValueError):
    """A conversation cannot be understood; the message is the reason for rejecting its record."""


def read_turns(conversation: Any) -> list[Turn]:
    """Read turns: objects with role and text, pairs of question and answer, or texts that take turns.

    Args:
        conversation: a list of turns, its JSON text or Python's ``repr`` of it (as tables hold it), one turn, or an
            object of lists (as Arrow holds a sequence of objects).

    Raises:
        TurnError: it is none of these, a role is unknown, or a turn has no text.
    """
    if isinstance(conversation, str):
        conversation = parse_list(conversation)
        if conversation is None:
            raise TurnError("conversation is a text, not a list of turns")
    if isinstance(conversation, dict):
        conversation = _as_list(conversation)
    if not isinstance(conversation, list):
        raise TurnError("conversation is not a list of turns")
    if conversation and all(isinstance(item, list) and is_conversation(item) for item in conversation):
        if len(conversation) > 1:
            raise TurnError("conversation is a list of several conversations")
        conversation = conversation[0]
    turns: list[Turn] = []
    for turn_no, turn in enumerate(conversation, start=1):
        if (plain := read_plain_turn(turn)) is not None:
            turns.append(plain)
            continue
        if not isinstance(turn, str) and is_empty(turn):  # a table fills lists up with nulls
            continue
        try:
            if isinstance(turn, dict):
                turns += _read_object(turn)
            elif isinstance(turn, list | tuple):
                turns += _read_pair(list(turn))
            elif isinstance(turn, str):
                turns.append(Turn("assistant" if len(turns) % 2 else "user", clean(turn)))
            else:
                raise ContentError("is not an object")
            if turns and not turns[-1].text and turns[-1].role in ("user", "assistant"):
                raise ContentError("has no text")
        except ContentError as error:
            raise TurnError(f"turn {turn_no} {error}") from None
    return _join_thoughts(turns)


def read_plain_turn(turn: Any) -> Turn | None:
    """Read the commonest turn, a role and a text: no more than a shortcut; None if it is any other."""
    if type(turn) is not dict or len(turn) != 2:
        return None
    name, text = turn.get("role") or turn.get("from"), turn.get("content") or turn.get("value")
    if type(name) is not str or type(text) is not str or (role := ROLES.get(name)) not in SPEAKERS:
        return None
    said = clean(text)
    return Turn(role, said) if said else None


def is_conversation(value: Any, from_text: bool = False) -> bool:
    """Say whether a field of a record (such as TRL's ``prompt``) holds turns; ``from_text`` reads a text as a list."""
    if isinstance(value, str):
        value = parse_list(value) if from_text and value.lstrip()[:1] == "[" else None
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and any(is_turn(item) for item in value)
    return isinstance(value, dict) and is_turn(value)


def is_turn(value: Any) -> bool:
    """Say whether an object is one turn of a conversation: it names a known role and holds something said."""
    return (
        isinstance(value, dict)
        and any(field in value for field in (*CONTENT_FIELDS, *CALL_FIELDS))
        and _find_role(value)[0] is not None
    )


def parse_list(text: str) -> Any:
    """Parse a list or an object written as JSON text or as Python's ``repr``; None if it is neither."""
    text = text.strip()
    if text[:1] not in ("[", "{"):
        return None
    value, error = read_json(text.encode("utf-8", "surrogatepass"))
    if error is not None:
        try:
            # numpy's way of writing a list of objects has no commas between them
            value = ast.literal_eval(text.replace("}\n {", "}, {"))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list | dict) else None


def _as_list(conversation: dict[str, Any]) -> Any:
    """Turn an object of equally long lists into a list of objects, a single turn into a list of one."""
    lists = {key: value for key, value in conversation.items() if isinstance(value, list)}
    if lists and len(lists) == len(conversation) and len({len(value) for value in lists.values()}) == 1:
        return [dict(zip(lists, items, strict=True)) for items in zip(*lists.values(), strict=True)]
    return [conversation] if is_turn(conversation) else conversation


def _read_object(turn: dict[str, Any]) -> Iterator[Turn]:
    role, name = _find_role(turn)
    if role is None and (fields := _find_pair(turn)):
        yield from _read_fields(turn, fields)
        return
    if role is None:
        known = isinstance(name, str)
        raise ContentError(f"has the unknown role {clean(str(name))[:40]!r}" if known else "has no role")
    yield from _make_turns(role, turn)


def _find_role(turn: dict[str, Any]) -> tuple[str | None, Any]:
    """Find the role of a turn, and the first name given; one that is null or unknown does not hide another."""
    first = None
    for field in ROLE_FIELDS:
        name = turn.get(field)
        if isinstance(name, dict):  # OpenAI's export: {"author": {"role": "user"}, ...}
            name = name.get("role")
        if isinstance(name, str) and (role := find_role(name)):
            return role, name
        first = first or name
    return ("tool", first) if turn.get("type") in RESULT_TYPES else (None, first)


def _make_turns(role: str, turn: dict[str, Any]) -> Iterator[Turn]:
    value = next((turn[field] for field in CONTENT_FIELDS if not is_empty(turn.get(field))), None)
    if isinstance(value, dict) and "content" in value:  # LangChain's {"type": "human", "data": {"content": ...}}
        value = value["content"]
    if role == "tool":
        yield Turn(role, clean(value) if isinstance(value, str) else None)
        return
    if role == "thought":
        yield Turn(role, read_content(value).text or None)
        return
    if role == "call":
        text = clean(value) if isinstance(value, str) else write_calls(turn if value is None else value)
        if turn.get("type") in CALL_TYPES and "name" in turn:
            text = write_calls(turn)
        yield Turn("assistant", text, _find_mark(turn))
        return
    content = read_content(value)
    if role != "assistant":
        # Anthropic hands the results of tools over in a turn of the user.
        is_result = content.has_results and not content.text
        yield Turn("tool" if is_result else role, content.text or None)
        return
    calls = [content.calls, *(write_calls(turn[field]) for field in CALL_FIELDS if turn.get(field))]
    thoughts = content.thoughts or next(
        (clean(turn[field]) for field in THOUGHT_FIELDS if isinstance(turn.get(field), str)), ""
    )
    yield Turn(role, _join_parts(content, thoughts, calls), _find_mark(turn))


def _join_thoughts(turns: list[Turn]) -> list[Turn]:
    """Put thoughts that are turns of their own before the answer that follows them; without one they are nothing."""
    joined: list[Turn] = []
    thoughts: list[str] = []
    for turn in turns:
        if turn.role == "thought":
            thoughts.append(turn.text or "")
            continue
        if turn.role == "assistant" and any(thoughts):
            text = write_thoughts("\n\n".join(filter(None, thoughts)), turn.text or "")
            turn = turn._replace(text=text)
        thoughts = []
        joined.append(turn)
    return joined


def _join_parts(content: Content, thoughts: str, calls: list[str | None]) -> str | None:
    """Join what the assistant says: thoughts as chat templates write them, the text, the calls."""
    text = "\n\n".join(part for part in (content.text, *calls) if part)
    return (write_thoughts(thoughts, text) if thoughts else text) or None


def _find_pair(turn: dict[str, Any]) -> Mapping[str, str]:
    """Find the fields of an object that is a system prompt, a question and its answer: field to role, in this order."""
    found: dict[str, str] = {}
    for field, role in PAIR_FIELDS.items():
        name = field if field in turn else field.capitalize()
        if not is_empty(turn.get(name)) and (role not in found.values() or role == "user"):
            found[name] = role
    return found


def _read_fields(turn: dict[str, Any], fields: Mapping[str, str]) -> Iterator[Turn]:
    questions = [read_content(turn[field]).text for field, role in fields.items() if role == "user"]
    for field, role in fields.items():
        if role == "system":
            yield Turn(role, read_content(turn[field]).text)
    if questions:
        yield Turn("user", "\n\n".join(questions))
    for field, role in fields.items():
        if role == "assistant":
            yield Turn(role, read_content(turn[field]).text, _find_mark(turn))


def _read_pair(pair: list[Any]) -> Iterator[Turn]:
    """Read [question, answer] (an answer may be missing at the end), or [role, text] as LangChain writes it."""
    if len(pair) == 2 and isinstance(pair[0], str) and (role := find_role(pair[0])):
        yield from _make_turns(role, {"content": pair[1]})
        return
    if not 1 <= len(pair) <= 2:
        raise ContentError("is not a pair of question and answer")
    for role, value in zip(("user", "assistant"), pair, strict=False):
        if not is_empty(value):
            yield Turn(role, read_content(value).text)


def _find_mark(turn: dict[str, Any]) -> str | None:
    """Find the author's mark that a turn is not to be learned."""
    for field in LEARNED_FIELDS:
        value = turn.get(field)
        if value is False or value == 0 or (isinstance(value, str) and value.strip().lower() in ("false", "0", "0.0")):
            return f"{field} is {str(value).strip().lower()}"
    return None
