"""The conversation of one record: who said what, with the calls of tools, the tools and the rejected answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from python_models.source.conversations import is_conversation
from python_models.source.dialogue import read_conversation, read_rejected
from python_models.source.questions import join_question
from python_models.source.sample import read_systems
from python_models.source.sorting import read_fields
from python_models.source.texts import is_empty, read_json
from python_models.source.turns import Turn

TOOL_FIELDS = ("tools", "functions")
MEDIA_FIELDS = ("image", "images", "video", "videos", "audio", "audios")


class UnfitError(ValueError):
    """A format cannot hold a record; the message is the reason, in words that go on after "3 records:"."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a record says.

    Attributes:
        turns: in their order; a system prompt is the first. The last one is an answer.
        rejected: the answer that the author rejects in favour of the last turns, () if there is none.
        tools: what the assistant may call, as the record describes it, () for none.
        instruction, data: of a single question about data (Alpaca's ``input``), the two parts of its turn, else "".
        unread: the kind of something that is no text, such as image_url; None if there is none.
    """

    turns: tuple[Turn, ...]
    rejected: tuple[Turn, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    instruction: str = ""
    data: str = ""
    unread: str | None = None

    @property
    def n_prompt(self) -> int:
        """How many turns stand before the answer at the end, which a rejected one would replace."""
        return 1 + max(no for no, turn in enumerate(self.turns) if turn.role != "assistant")

    def without_rejected(self) -> Conversation:
        """The conversation with the preferred answer alone."""
        return replace(self, rejected=())


def read(record: Any, mapping: Mapping[str, str]) -> Conversation:
    """Read the conversation of a usable record.

    Args:
        record: the original record, a JSON value.
        mapping: the column mapping it was read with, see ``source.formats.read_mapping``.

    Raises:
        FieldError, TurnError: it cannot be understood; the message is the reason.
        UnfitError: its tools or its rejected answer cannot.
    """
    if isinstance(record, list) and is_conversation(record):
        record = {"messages": record}
    fields = read_fields(record, mapping)
    turns = read_conversation(fields)
    rejected = read_rejected(fields, turns)
    n_leading = next((no for no, turn in enumerate(turns) if turn.role != "system"), 0)
    prompts = [*read_systems(fields), *(turn.text or "" for turn in turns[:n_leading])]
    system = "\n\n".join(filter(None, dict.fromkeys(prompts)))
    body = turns[n_leading:]
    question = join_question(replace(fields, inputs=[])) if fields.inputs and not fields.options else ""
    asked = next((turn.text or "" for turn in body if turn.role == "user"), "")
    has_data = bool(question) and asked.startswith(f"{question}\n\n")
    parts = [turn.unread for turn in (*turns, *rejected) if turn.unread]
    media = [key for key in record if str(key).lower() in MEDIA_FIELDS and not is_empty(record[key])]
    return Conversation(
        turns=(*([Turn("system", system)] if system else []), *body),
        rejected=tuple(rejected),
        tools=tuple(_find_tools(record)),
        instruction=question if has_data else asked,
        data=asked[len(question) + 2 :] if has_data else "",
        unread=next(iter([*parts, *media]), None),
    )


def _find_tools(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Find the descriptions of tools, in the record or where a log of calls keeps the request."""
    inner = [record[key] for key in ("input", "request", "body") if isinstance(record.get(key), dict)]
    for holder in (record, *inner):
        for key, value in holder.items():
            if str(key).lower() not in TOOL_FIELDS or is_empty(value):
                continue
            if isinstance(value, str):
                value, error = read_json(value.encode("utf-8", "surrogatepass"))
                if error is not None:
                    raise UnfitError("its tools are a text that is no JSON")
            tools = value if isinstance(value, list) else [value]
            if not all(isinstance(tool, dict) for tool in tools):
                raise UnfitError("its tools are no objects")
            if tools:
                return [_describe(tool) for tool in tools]
    return []


def _describe(tool: dict[str, Any]) -> dict[str, Any]:
    """Describe a tool by its name, description and parameters, whoever's way of writing it is."""
    inner = tool.get("function")
    described = dict(inner) if isinstance(inner, dict) else dict(tool)
    if "input_schema" in described:  # Anthropic
        described["parameters"] = described.pop("input_schema")
    if described.get("type") == "function":  # OpenAI's Responses have no inner object
        del described["type"]
    return described


def named_calls(turn: Turn) -> list[dict[str, Any]]:
    """The calls of a turn, name and arguments each.

    Raises:
        UnfitError: one has no name, or arguments that are no object.
    """
    for call in turn.calls:
        if not isinstance(call, dict) or not isinstance(call.get("arguments"), dict) or not call.get("name"):
            raise UnfitError("a call of a tool is no name with arguments")
    return list(turn.calls)
