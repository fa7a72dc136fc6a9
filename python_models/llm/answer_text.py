"""Finding the answer in what a model wrote: behind its reasoning, out of fences and prose, and only if it is certain.

JSON is read strictly, else with the liberties that models take: trailing commas, comments, single or typographic
quotes, bare keys, Python's literals. Nothing is completed or computed: a value that is not written as one token is
refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

import orjson

from python_models.llm.invalid_reply import QUOTED_CHARS, InvalidReply, quote
from python_models.llm.reasoning import FENCE, OPENING, after_reasoning

_TOKEN = re.compile(
    r"""(?P<skipped>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<mark>[{}\[\],:])
    |"(?P<double>(?:\\.|[^"\\])*)"
    |'(?P<single>(?:\\.|[^'\\])*)'
    |[“„«](?P<typographic>(?:\\.|[^”»“"\\])*)[”»“"]
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?=[\s,\]}/]|$)
    |(?P<word>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)
_LITERALS = {"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null"}
_LITERALS |= {"NaN": "NaN", "Infinity": "Infinity"}


def read_json(text: str, keys: Collection[str] = ()) -> Any:
    """Read the one JSON value of a reply.

    Args:
        text: the whole reply.
        keys: an object with one of these is the answer, whatever else stands beside it.

    Raises:
        InvalidReply: ``empty_reply``, ``truncated`` (it ends inside its reasoning or its JSON) or ``invalid_json``: no
            JSON, JSON that cannot be read for certain, or several values that differ.
    """
    if not text.strip():
        raise InvalidReply("empty_reply", "the reply is blank")
    answer = after_reasoning(text)
    try:
        return _strict_json(answer)
    except (ValueError, RecursionError):
        pass  # not plain JSON: it may stand in a fence or in prose
    try:
        return _one_value(answer, keys)
    except RecursionError:
        raise InvalidReply("invalid_json", f"nested too deeply: {quote(answer)}") from None


def _one_value(answer: str, keys: Collection[str]) -> Any:
    values = _find_values(answer)
    values = [value for value in values if isinstance(value, dict) and not value.keys().isdisjoint(keys)] or values
    if not values:
        kind = "truncated" if _is_open(answer) else "invalid_json"
        raise InvalidReply(kind, f"no JSON object or array in {quote(answer)}")
    if any(value != values[0] for value in values):
        raise InvalidReply("invalid_json", f"{len(values)} different answers, the last {quote(values[-1])}")
    return values[0]


def begins_with_json(text: str) -> bool:
    """Whether the answer begins with one whole JSON value: then a cut behind it has taken nothing from it."""
    try:
        answer = after_reasoning(text)
        fence = FENCE.match(answer)
        _DECODER.raw_decode(answer, fence.end() if fence else 0)
    except (InvalidReply, ValueError, RecursionError):
        return False
    return True


def _find_values(text: str) -> list[Any]:
    """Every object and list of the text that stands in no other one."""
    values = []
    at = 0
    while opening := OPENING.search(text, at):
        value, at = _read_value(text, opening.start())
        values.append(value)
    return values


def _read_value(text: str, start: int) -> tuple[Any, int]:
    """The value that begins there and where it ends, read strictly, else token by token."""
    try:
        value, end = _CAREFUL_DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    else:
        return value, end
    written, end = _as_strict_json(text, start)
    try:
        return _strict_json(written), end
    except (ValueError, RecursionError) as error:
        raise InvalidReply("invalid_json", f"{quote(text[start:])} ({quote(str(error))})") from None


def _as_strict_json(text: str, start: int) -> tuple[str, int]:
    """Write a value of relaxed JSON in strict JSON; tells where it ends.

    Raises:
        InvalidReply: ``truncated`` or ``invalid_json``: something in it is no token.
    """
    parts: list[str] = []
    depth, at = 0, start
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            kind = "truncated" if _is_open(text[start:]) else "invalid_json"
            raise InvalidReply(kind, f"cannot read {quote(text[at:])} in {quote(text[start:])}")
        at = token.end()
        kind = token.lastgroup or ""
        written = token[kind]
        if kind == "skipped":
            continue
        if kind == "mark":
            if written in "}]" and parts and parts[-1] == ",":
                parts.pop()
            depth += (written in "{[") - (written in "}]")
        elif kind == "word":
            written = _LITERALS.get(written, json.dumps(written) if text[at:].lstrip()[:1] == ":" else written)
        elif kind != "number":
            written = _as_string(written)
        parts.append(written)
        if depth == 0:
            return " ".join(parts), at
    raise InvalidReply("truncated", f"the reply ends inside its JSON: …{quote(text[-QUOTED_CHARS:])}")


def _as_string(body: str) -> str:
    """The body of a string in any quotes as a strict JSON string."""
    body = re.sub(r"\\(.)", lambda escape: escape[1] if escape[1] in "'“”„«»" else escape[0], body, flags=re.DOTALL)
    body = re.sub(r'(\\.)|"', lambda found: found[1] or r"\"", body, flags=re.DOTALL)
    return f'"{body}"'


def _strict_json(text: str) -> Any:
    """Plain JSON, quickly where that is certain to be the same: no key that could come twice, no number but small ones.

    Raises:
        ValueError: it is none, or a key has two values.
        RecursionError: it is nested too deep.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _LENIENT_DECODER.decode(text)
    if _n_keys(value) == text.count(":"):
        return value
    return _LENIENT_DECODER.decode(text)


def _n_keys(value: Any) -> int:
    """Keys of all objects in a value: as many as its text has colons, then none came twice. -1 where a number is a
    float: orjson reads integers of more than 64 bits so."""
    n_keys = 0
    waiting: list[Iterable[Any]] = [[value]]
    while waiting:
        for inner in waiting.pop():
            kind = type(inner)
            if kind is dict:
                n_keys += len(inner)
                waiting.append(inner.values())
            elif kind is list:
                waiting.append(inner)
            elif kind is float:
                return -1
    return n_keys


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that comes twice with different values is a draft and its correction, and nobody knows which."""
    found = dict(pairs)
    if len(found) != len(pairs) and any(found[key] != value for key, value in pairs):
        raise ValueError(f"a key has two values in {quote(pairs)}")
    return found


# Made once: to make one takes as long as to read a short reply.
_DECODER = json.JSONDecoder()
_CAREFUL_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
_LENIENT_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_unique)  # line breaks inside strings


def _is_open(text: str) -> bool:
    """Whether the text ends inside brackets or a string of its JSON."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=len(text))
    bare = re.sub(r'"(?:\\.|[^"\\])*("|$)', lambda string: "" if string[1] else "{", text[start:], flags=re.DOTALL)
    return sum(bare.count(char) for char in "{[") > sum(bare.count(char) for char in "}]")
