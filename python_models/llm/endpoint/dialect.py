"""What an endpoint understands: learned from what it refuses, remembered per endpoint and model.

Reply formats go from the strictest down: ``json_schema``, ``json_object``, plain text. Parameters that a model does not
take are renamed or left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from python_models.llm.request import ChatRequest

FORMATS = ("json_schema", "json_object", "text")

_ABOUT_FORMAT = re.compile(
    r"response_?format|json_?schema|json_?object|structured output|guided|grammar", re.IGNORECASE
)
_ABOUT_PARAMETERS = re.compile(
    r"unsupported|not support|support(ed)? (for|by|with)|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|"
    r"not allowed|forbidden|only the default|no such|invalid (argument|param)|does not accept|not accepted",
    re.IGNORECASE,
)
_ABOUT_LENGTH = re.compile(r"context.{0,20}length|too (large|long|many)|maximum|exceed|reduce", re.IGNORECASE)
_NEVER_DROPPED = frozenset({"model", "messages", "response_format"})


@dataclass
class Dialect:
    """What one endpoint takes for one model. Shared by all calls to it.

    Attributes:
        format_level: index into FORMATS of the strictest reply format that is not known to be refused.
        accepted_level: the format level of the last accepted request, None before the first.
        dropped: parameters that were refused.
        renamed: parameters that go by another name.
    """

    format_level: int = 0
    accepted_level: int | None = None
    dropped: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)

    def body(self, request: ChatRequest, attempt: int, level: int | None = None) -> dict[str, Any]:
        """The JSON body of one attempt, as this endpoint takes it."""
        level = self.format_level if level is None else level
        body: dict[str, Any] = {"model": request.model, "messages": [dict(message) for message in request.messages]}
        for name, value in request.retry_parameters(attempt).items():
            name = self.renamed.get(name, name)
            if name not in self.dropped:
                body[name] = value
        if request.reply_schema is not None:
            if FORMATS[level] == "json_schema":
                described = {"name": request.schema_name, "strict": True, "schema": request.reply_schema}
                body["response_format"] = {"type": "json_schema", "json_schema": described}
            else:
                body["messages"] = _with_schema_in_words(body["messages"], request.reply_schema)
                if FORMATS[level] == "json_object":
                    body["response_format"] = {"type": "json_object"}
        return body

    def learn(self, sent: Mapping[str, Any], level: int, message: str, parameter: str | None) -> bool:
        """Take a refusal (HTTP 400 or 422) into account.

        Args:
            sent: the body that was refused.
            level: its format level.
            message: what the endpoint said.
            parameter: the parameter that it named, if it did.

        Returns:
            Whether asking again in the changed dialect makes sense. A refusal that another call has learned from
            since counts, too.
        """
        names_format = (parameter or "").startswith("response_format") or bool(_ABOUT_FORMAT.search(message))
        if "response_format" in sent and names_format:
            self.format_level = max(self.format_level, level + 1)
            return True
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
