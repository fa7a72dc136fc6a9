"""One chat request: what is asked, its identity in the cache, and how it is asked again."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
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
        digest, messages = _beginning(attempt, self.messages)
        rest = (
            f"{','.join(map(_message_json, messages))}],"
            f'"model":{_string_json(self.model)},"parameters":{_parameters_json(self.parameters)},'
            f'"schema":{_schema_json(self.reply_schema)}}}'
        )
        digest.update(rest.encode("ascii"))
        return digest.hexdigest()

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

# The requests of a stage share instructions, parameters and schema: writing them anew would be most of a key's work.
_MOST_KNOWN = 16
_recent_schemas: deque[tuple[Mapping[str, Any], str]] = deque(maxlen=4)
_known_parameters: dict[str, str] = {}


def _beginning(attempt: int, messages: tuple[Message, ...]) -> tuple[hashlib._Hash, tuple[Message, ...]]:
    """The hash of a key as far as the first of several messages goes, and the messages that are still to come."""
    if len(messages) > 1 and messages[0].keys() == {"content", "role"}:
        return _known_beginning(attempt, messages[0]["role"], messages[0]["content"]).copy(), messages[1:]
    return hashlib.sha256(f'{{"attempt":{attempt:d},"messages":['.encode("ascii")), messages


@lru_cache(maxsize=_MOST_KNOWN)
def _known_beginning(attempt: int, role: str, content: str) -> hashlib._Hash:
    first = _message_json({"role": role, "content": content})
    return hashlib.sha256(f'{{"attempt":{attempt:d},"messages":[{first},'.encode("ascii"))


def _message_json(message: Message) -> str:
    if message.keys() == {"content", "role"}:
        return f'{{"content":{_string_json(message["content"])},"role":{_string_json(message["role"])}}}'
    return _canonical_json(dict(message))


def _parameters_json(parameters: Mapping[str, Any]) -> str:
    shown = repr(parameters)  # not the values: 0, 0.0 and False are equal, and differ in JSON
    text = _known_parameters.get(shown)
    if text is None:
        text = _canonical_json(dict(parameters))
        if len(_known_parameters) >= _MOST_KNOWN:
            _known_parameters.clear()
        _known_parameters[shown] = text
    return text


def _schema_json(schema: Mapping[str, Any] | None) -> str:
    for known, text in _recent_schemas:
        if known is schema:
            return text
    if schema is None:
        return "null"
    text = _canonical_json(schema)
    _recent_schemas.append((schema, text))
    return text
