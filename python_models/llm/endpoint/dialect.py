"""What an endpoint understands: learned from what it refuses, remembered per endpoint and model.

Reply formats go from the strictest down: ``json_schema``, ``json_object``, plain text. Parameters that a model does not
take are renamed or left out; a system message that it does not take goes in front of the first user message; the room
for the reply is cut to what it can give.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from python_models.llm.request import LENGTH_LIMITS, ChatRequest

FORMATS = ("json_schema", "json_object", "text")

_ABOUT_FORMAT = re.compile(
    r"response_?format|json_?schema|json_?object|structured output|guided|grammar|"
    r"(?:invalid|unknown|unsupported|unexpected) format",
    re.IGNORECASE,
)
_ABOUT_SYSTEM = re.compile(
    r"system.{0,20}(role|message|prompt|instruction).{0,30}(not|un)[ -]?(support|allow|accept)|"
    r"(role|message).{0,30}(does not|doesn't|not|un)[ -]?support.{0,20}system|no system (role|message|prompt)|"
    r"(not|un)[ -]?support.{0,30}system (role|message|prompt|instruction)|unsupported role.{0,5}system|"
    r"developer instruction is not|roles must alternate",
    re.IGNORECASE,
)
_ABOUT_PARAMETERS = re.compile(
    r"unsupported|not support|support(ed)? (for|by|with)|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|"
    r"not allowed|forbidden|only the default|no such|invalid (argument|param)|does not accept|not accepted",
    re.IGNORECASE,
)
_ABOUT_LENGTH = re.compile(r"context.{0,20}length|too (large|long|many)|maximum|exceed|reduce", re.IGNORECASE)
_NEVER_DROPPED = frozenset({"model", "messages", "response_format"})
_WRONG_VALUE = re.compile(
    r"must be one of|supported values|(does not|doesn't) support ['\"`]|(unsupported|invalid)[_ ]value|input should be|"
    r"expected one of|not a valid|invalid (reasoning )?effort",
    re.IGNORECASE,
)

# How servers say that prompt and reply together are too long: the context, and the prompt's share of it.
_CONTEXT = re.compile(r"context (?:length|window|size)[^.\d]{0,20}?(\d{3,})", re.IGNORECASE)
_PROMPT = re.compile(
    r"(\d+) (?:tokens )?(?:in|from|of) the (?:input )?(?:messages|prompt)|(\d+) (?:input|prompt) tokens", re.IGNORECASE
)
_MOST_TOKENS = re.compile(
    r"at most (\d+)|(?:<=|less than or equal to|maximum (?:value )?(?:is|of|for \S+ is)) ?`?(\d+)|"
    r"> ?(\d+), which is|\[1, ?(\d+)\]",
    re.IGNORECASE,
)


@dataclass
class Dialect:
    """What one endpoint takes for one model. Shared by all calls to it.

    Attributes:
        format_level: index into FORMATS of the strictest reply format that is not known to be refused.
        accepted_level: the format level of the last accepted request, None before the first.
        dropped: parameters that were refused.
        renamed: parameters that go by another name.
        has_system_role: whether a system message is taken.
        most_reply_tokens: the largest room for a reply that is taken, None if not known.
        is_looked_at: whether the user has been told what there is to say about the model.
    """

    format_level: int = 0
    accepted_level: int | None = None
    dropped: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    has_system_role: bool = True
    most_reply_tokens: int | None = None
    is_looked_at: bool = False

    def body(self, request: ChatRequest, attempt: int, level: int | None = None) -> dict[str, Any]:
        """The JSON body of one attempt, as this endpoint takes it."""
        level = self.format_level if level is None else level
        body: dict[str, Any] = {"model": request.model, "messages": [dict(message) for message in request.messages]}
        for name, value in request.retry_parameters(attempt).items():
            name = self.renamed.get(name, name)
            if name in self.dropped:
                continue
            if name in LENGTH_LIMITS and self.most_reply_tokens is not None:
                value = min(value, self.most_reply_tokens)
            body[name] = value
        if request.reply_schema is not None:
            if FORMATS[level] == "json_schema":
                described = {"name": request.schema_name, "strict": True, "schema": request.reply_schema}
                body["response_format"] = {"type": "json_schema", "json_schema": described}
            else:
                body["messages"] = _with_schema_in_words(body["messages"], request.reply_schema)
                if FORMATS[level] == "json_object":
                    body["response_format"] = {"type": "json_object"}
        if not self.has_system_role:
            body["messages"] = _without_system_role(body["messages"])
        return body

    def learn(
        self, sent: Mapping[str, Any], level: int, message: str, parameter: str | None, *, is_server_error: bool = False
    ) -> bool:
        """Take a refusal (HTTP 400 or 422, from some servers 500) into account.

        Args:
            sent: the body that was refused.
            level: its format level.
            message: what the endpoint said.
            parameter: the parameter that it named, if it did.
            is_server_error: it may be a passing failure: only plain words about format or roles count.

        Returns:
            Whether asking again in the changed dialect makes sense. A refusal that another call has learned from
            since counts, too.
        """
        names_format = (parameter or "").startswith("response_format") or bool(_ABOUT_FORMAT.search(message))
        if "response_format" in sent and names_format:
            self.format_level = max(self.format_level, level + 1)
            return True
        has_system = any(message.get("role") == "system" for message in sent["messages"])
        if has_system and _ABOUT_SYSTEM.search(message):
            self.has_system_role = False
            return True
        if is_server_error:
            return False
        if parameter not in sent and (_ABOUT_LENGTH.search(message) or not _ABOUT_PARAMETERS.search(message)):
            return False
        for name in sent:
            if name not in _NEVER_DROPPED and (name == parameter or re.search(rf"\b{re.escape(name)}\b", message)):
                if parameter in sent and name != parameter:
                    continue
                if name == "max_tokens" and "max_completion_tokens" not in self.dropped:
                    self.renamed[name] = "max_completion_tokens"
                else:
                    self.dropped.add(name)
                return True
        return False


def refused_effort(sent: Mapping[str, Any], message: str, parameter: str | None) -> str | None:
    """The reasoning effort that a model knows, but not with this value; None if the refusal is about something else."""
    names_it = parameter == "reasoning_effort" or (parameter is None and "reasoning_effort" in message)
    is_value = names_it and "temperature" not in message and _WRONG_VALUE.search(message)
    return str(sent["reasoning_effort"]) if is_value and "reasoning_effort" in sent else None


def room_that_fits(sent: Mapping[str, Any], message: str) -> int | None:
    """Tokens that are left for the reply, if a refusal says that the room was too large; None if it does not."""
    room = next((sent[name] for name in LENGTH_LIMITS if isinstance(sent.get(name), int)), 0)
    message = re.sub(r"(?<=\d),(?=\d{3})", "", message)
    context, prompt = _CONTEXT.search(message), _PROMPT.search(message)
    if context:
        fits = int(context[1]) - int(next(filter(None, prompt.groups()))) if prompt else 0
    else:
        most = _MOST_TOKENS.search(message) if re.search(r"max_(completion_)?tokens|output tokens", message) else None
        fits = int(next(filter(None, most.groups()))) if most else 0
    return fits if 0 < fits < room else None


_DIALECTS: dict[tuple[str, str], Dialect] = {}


def dialect_of(base_url: str, model: str) -> Dialect:
    """The dialect of an endpoint and model, kept for the life of the process."""
    return _DIALECTS.setdefault((base_url, model), Dialect())


def forget_dialects() -> None:
    """Start anew, as after an endpoint changed."""
    _DIALECTS.clear()


def _with_schema_in_words(messages: list[dict[str, str]], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """Say in the system message what the endpoint cannot be told by ``response_format``; user messages stay as is."""
    words = "Reply with one JSON object that matches this JSON schema, and with nothing else:\n" + json.dumps(schema)
    if messages and messages[0].get("role") == "system":
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]


def _without_system_role(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system message in front of the first user message."""
    if len(messages) < 2 or messages[0].get("role") != "system":
        return messages
    first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
    return [first, *messages[2:]]
