"""Turns of a conversation in any of the field's forms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from python_models.source.calls import CALL_FIELDS, RESULT_TYPES
from python_models.source.contents import ContentError, read_content
from python_models.source.roles import PAIR_FIELDS, ROLES, find_role
from python_models.source.texts import clean, is_empty, read_json
from python_models.source.turns import CONTENT_FIELDS, Turn, find_mark, join_thoughts, make_turn, make_turns

ROLE_FIELDS = ("from", "role", "speaker", "author", "sender", "type")
SPEAKERS = ("user", "assistant", "system")


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
    return join_thoughts(turns)


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
    yield from make_turns(role, turn)


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


def _find_pair(turn: dict[str, Any]) -> Mapping[str, str]:
    """Find the fields of an object that is a system prompt, a question and its answer: field to role, in this order."""
    found: dict[str, str] = {}
    for field, role in PAIR_FIELDS.items():
        name = field if field in turn else field.capitalize()
        if not is_empty(turn.get(name)) and (role not in found.values() or role == "user"):
            found[name] = role
    return found


def _read_fields(turn: dict[str, Any], fields: Mapping[str, str]) -> Iterator[Turn]:
    questions = [read_content(turn[field]) for field, role in fields.items() if role == "user"]
    for field, role in fields.items():
        if role == "system":
            yield make_turn(role, turn[field])
    if questions:
        unread = next((content.unread for content in questions if content.unread), None)
        yield Turn("user", "\n\n".join(content.text for content in questions), unread=unread)
    for field, role in fields.items():
        if role == "assistant":
            yield make_turn(role, turn[field], find_mark(turn))


def _read_pair(pair: list[Any]) -> Iterator[Turn]:
    """Read [question, answer] (an answer may be missing at the end), or [role, text] as LangChain writes it."""
    if len(pair) == 2 and isinstance(pair[0], str) and (role := find_role(pair[0])):
        yield from make_turns(role, {"content": pair[1]})
        return
    if not 1 <= len(pair) <= 2:
        raise ContentError("is not a pair of question and answer")
    for role, value in zip(("user", "assistant"), pair, strict=False):
        if not is_empty(value):
            yield make_turn(role, value)
