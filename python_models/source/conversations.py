"""Turns of a conversation in the ShareGPT (from/value) or the messages (role/content) form."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from python_models.source.texts import clean

# Field that holds the turns, to the name of the format.
CONVERSATION_FIELDS = {"messages": "messages", "conversations": "sharegpt", "conversation": "sharegpt"}
ROLES = {
    **dict.fromkeys(("human", "user", "prompter"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bard", "bing", "model", "bot"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("observation", "tool", "function", "tool_response", "function_response"), "tool"),
}
CALL_FIELDS = ("tool_calls", "function_call")


class Turn(NamedTuple):
    """One turn: role is user, assistant (also its tool calls), system or tool; text is clean, None if there is none."""

    role: str
    text: str | None


class TurnError(ValueError):
    """A conversation cannot be understood; the message is the reason for rejecting its record."""


def read_turns(conversation: Any) -> list[Turn]:
    """Read a list of turns (or its JSON text, as tables hold it).

    Raises:
        TurnError: it is not a list of turns, a role is unknown, or a turn's text is not text.
    """
    if isinstance(conversation, str):
        try:
            conversation = json.loads(conversation, strict=False)
        except (ValueError, RecursionError):
            raise TurnError("conversation is a text, not a list of turns") from None
    if not isinstance(conversation, list):
        raise TurnError("conversation is not a list of turns")
    return [_read_turn(turn, turn_no) for turn_no, turn in enumerate(conversation, start=1)]


def _read_turn(turn: Any, turn_no: int) -> Turn:
    if not isinstance(turn, dict):
        raise TurnError(f"turn {turn_no} is not an object")
    name = turn.get("from", turn.get("role"))
    if not isinstance(name, str):
        raise TurnError(f"turn {turn_no} has no role")
    role = ROLES.get(name.strip().lower())
    if role is None:
        raise TurnError(f"turn {turn_no} has the unknown role {clean(name)[:40]!r}")
    text = _read_content(turn.get("value", turn.get("content")), turn_no)
    calls = [turn[field] for field in CALL_FIELDS if turn.get(field)] if role == "assistant" else []
    if calls:
        # OpenAI's form of a function call stands beside the content, not in it.
        written = [clean(json.dumps(call, ensure_ascii=False, default=str)) for call in calls]
        text = "\n\n".join([*([text] if text else []), *written])
    return Turn(role, text)


def _read_content(content: Any, turn_no: int) -> str | None:
    """Read a text, or the text parts of a list of parts; None if there is no text (such as an image alone)."""
    if content is None or isinstance(content, str):
        return None if content is None else clean(content)
    if not isinstance(content, list):
        raise TurnError(f"turn {turn_no} is not text")
    texts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict):
            raise TurnError(f"turn {turn_no} has a part that is not text")
        elif part.get("type", "text") in ("text", "tool_call", "tool_calls"):
            text = next((part[field] for field in ("text", "value", "content") if part.get(field) is not None), "")
            if not isinstance(text, str):
                raise TurnError(f"turn {turn_no} has a part that is not text")
            texts.append(text)
    if content and not texts:
        raise TurnError(f"turn {turn_no} has no text, only parts of other kinds")
    return clean("\n".join(texts))


def join_turns(turns: list[Turn], role: str) -> str | None:
    """Join the texts of a role's turns by blank lines; None without such a turn, empty if all are empty."""
    texts = [turn.text for turn in turns if turn.role == role]
    return "\n\n".join(text for text in texts if text) if texts else None
