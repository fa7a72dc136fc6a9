"""Text as it is stored: nothing that a database refuses, nothing that makes equal texts differ."""

from __future__ import annotations

import base64
import json
import math
import re
import unicodedata
from datetime import date, time
from decimal import Decimal
from typing import Any

import orjson

SURROGATE = re.compile("[\ud800-\udfff]")
# An escaped NUL in JSON text, not a backslash followed by "u0000".
ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
# orjson reads integers of more than 64 bits as floats: texts with so many digits are left to the standard library.
# (Searching for one digit again and again is far quicker than for a class of them.)
ZERO_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
LONG_NUMBER = b"0" * 19
# Dates are written in one way, by ``_plain``.
ORJSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
# Characters that show nothing; a text of these and white space alone is empty.
INVISIBLE = "\0\u200b\u200c\u200d\u2060\ufeff"
INDENT = re.compile(r"[^\S\n]*")


def clean(text: str) -> str:
    """Make a text storable and comparable.

    Removes NUL, lone surrogates and byte order marks, turns CRLF and CR into LF, composes characters (Unicode NFC),
    strips white space from the end and blank lines (or one space) from the start. An indent of the first line stays: it
    belongs to the code. Nothing else changes.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = unicodedata.normalize("NFC", _drop_surrogates(text).replace("\ufeff", ""))
    stripped = text.strip()
    if stripped and stripped[0] in INVISIBLE and is_empty(stripped):
        return ""
    if len(stripped) != len(text) and stripped and text[0].isspace():
        before = text[: len(text) - len(text.lstrip())]
        indent = INDENT.fullmatch(before.rpartition("\n")[2])
        if indent and (len(indent[0]) > 1 or indent[0] == "\t"):
            return indent[0] + stripped
    return stripped


def read_json(source: bytes) -> tuple[Any, str | None]:
    """Parse one JSON text: what orjson reads as it does, the rest more leniently and with the reason.

    Control characters inside strings are no doubt about what is meant; NaN is how pandas writes a missing value.

    Returns:
        The value and None, or None and the error.
    """
    try:
        if LONG_NUMBER not in source.translate(ZERO_DIGITS):
            return orjson.loads(source), None
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(source.decode("utf-8"), strict=False, parse_constant=lambda _: None), None
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return None, f"malformed JSON: {error.msg}"
    except RecursionError:
        return None, "malformed JSON: nested too deeply"
    except ValueError as error:  # an integer of thousands of digits
        return None, f"malformed JSON: {str(error).partition(';')[0]}"


def write_json(value: Any) -> str:
    """Write a record as compact JSON text that every reader takes: no NaN, NUL or lone surrogate; the rest is whole.

    Raises:
        RecursionError: the record is nested too deeply.
    """
    try:
        text = orjson.dumps(value, default=_plain, option=ORJSON_OPTIONS).decode()
    except TypeError:  # also what it says of a lone surrogate, of a large integer and of too many levels
        text = _drop_surrogates(dump(_without_nan(value), separators=(",", ":")))
    if "\\u0000" in text:
        text = ESCAPED_NUL.sub(r"\1", text)
    return text


def _drop_surrogates(text: str) -> str:
    try:
        text.encode()  # quicker than any search
    except UnicodeEncodeError:
        return SURROGATE.sub("", text)
    return text


def dump(value: Any, separators: tuple[str, str] = (", ", ": ")) -> str:
    """Write a value as JSON text, characters as they are; what JSON does not hold as in ``write_json``."""
    return json.dumps(value, ensure_ascii=False, separators=separators, default=_plain)


def _plain(value: Any) -> Any:
    """Give JSON for what Parquet holds and JSON does not: dates as ISO text, bytes as text or base64, else the text."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return decode(value) or base64.b64encode(value).decode()
    return list(value) if isinstance(value, list | tuple | set) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value


def decode(value: bytes) -> str | None:
    """Read bytes as UTF-8 (Parquet writers may store text as plain bytes); None if they are not."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def read_scalar(value: Any) -> str | None:
    """Write a number, a boolean, a date or bytes as text, as in CSV; None if the value is none of these.

    An answer may be a number: 42 is the text "42" in JSON, CSV and Parquet alike, true is "true".
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return decode(value) if isinstance(value, bytes) else None


def is_empty(value: Any) -> bool:
    """Say whether a field holds nothing: null, NaN, blank text, an empty list or object, or only such."""
    if isinstance(value, str):
        if not value or value.isspace():
            return True
        is_odd = value[0] <= " " or value[0] in INVISIBLE
        return is_odd and all(char in INVISIBLE or char.isspace() for char in value)
    if isinstance(value, dict):
        return all(is_empty(item) for item in value.values())
    if isinstance(value, list):
        return all(is_empty(item) for item in value)
    return value is None or value != value or value == b""
