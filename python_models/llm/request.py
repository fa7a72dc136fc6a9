"""One chat request: what is asked, its identity in the cache, and how it is asked again."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, str]

# A second attempt at temperature 0 would bring the same reply again, so later attempts are a little warmer.
_WARMER_BY = 0.4
_WARMEST = 1.0
LENGTH_LIMITS = ("max_tokens", "max_completion_tokens")
ROOM_GROWTH = 4
LARGEST_ROOM = 32_768
"""Tokens up to which the room for a reply grows from one attempt to the next, unless more was given at first."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion to be asked for.

    Attributes:
        model: name of the model, as the endpoint knows it.
        messages: the conversation, plain mappings with ``role`` and ``content``.
        parameters: sampling parameters sent as they are (``temperature``, ``max_tokens``, ``seed``, ...).
        reply_schema: JSON schema of the reply, None for free text; must not be changed afterwards.
        schema_name: name of the schema on the wire; not part of the identity.
        reply_room: tokens that the reply may take, reasoning included; sent as ``max_tokens``. Not part of the
            identity: a reply that was whole is the same in a larger room, and one that was cut is followed by an
            attempt with more of it. None: what ``parameters`` say.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reply_schema: Mapping[str, Any] | None = None
    schema_name: str = "reply"
    reply_room: int | None = None

    def key(self, attempt: int = 1) -> str:
        """Identity of one attempt: sha256 (hex) of the canonical JSON of everything that can change the reply.

        Volatile things (address, API key, time) are left out, so that a cache can move to another machine.
        """
        canonical = (
            f'{{"attempt":{attempt:d},"messages":[{",".join(map(_message_json, self.messages))}],'
            f'"model":{_string_json(self.model)},"parameters":{_canonical_json(dict(self.parameters))},'
            f'"schema":{_schema_json(self.reply_schema)}}}'
        )
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def retry_parameters(self, attempt: int) -> dict[str, Any]:
        """Parameters of the given attempt (from 1): the first as given, later ones warmer and with room for more.

        A pure function of the attempt number. From attempt 2 on the temperature, if there is one, rises by 0.4 per
        attempt up to 1.0 (never below the given one), the seed moves on, and the room for the reply grows fourfold
        per attempt (a length limit without a room doubles once), for replies that were cut.
        """
        if attempt < 1:
            raise ValueError(f"Attempts are numbered from 1, but {attempt} was asked for.")
        parameters = dict(self.parameters)
        if self.reply_room is not None:
            grown = self.reply_room * ROOM_GROWTH ** min(attempt - 1, 20)
            parameters["max_tokens"] = max(self.reply_room, min(LARGEST_ROOM, grown))
        if attempt == 1:
            return parameters
        if "temperature" in parameters:
            given = float(parameters["temperature"] or 0.0)
            parameters["temperature"] = max(given, min(_WARMEST, round(given + _WARMER_BY * (attempt - 1), 2)))
        if isinstance(parameters.get("seed"), int):
            parameters["seed"] += attempt - 1
        for name in LENGTH_LIMITS:
            if isinstance(parameters.get(name), int) and self.reply_room is None:
                parameters[name] *= 2
        return parameters

    def max_reply_tokens(self, attempt: int = 1) -> int | None:
        """The longest reply that the given attempt allows, in tokens; None when nothing bounds it."""
        parameters = self.retry_parameters(attempt)
        limits = [int(parameters[name]) for name in LENGTH_LIMITS if parameters.get(name) is not None]
        return min(limits) if limits else None


# Keys in order, no spaces, and ASCII escapes, which keep lone surrogates apart that UTF-8 cannot hold.
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_string_json = json.encoder.encode_basestring_ascii

# The requests of a stage share one schema: writing it anew would be most of the work of a key.
_recent_schemas: deque[tuple[Mapping[str, Any], str]] = deque(maxlen=4)


def _message_json(message: Message) -> str:
    if message.keys() == {"content", "role"}:
        return f'{{"content":{_string_json(message["content"])},"role":{_string_json(message["role"])}}}'
    return _canonical_json(dict(message))


def _schema_json(schema: Mapping[str, Any] | None) -> str:
    for known, text in _recent_schemas:
        if known is schema:
            return text
    if schema is None:
        return "null"
    text = _canonical_json(schema)
    _recent_schemas.append((schema, text))
    return text
