"""Text and dates as they are stored: nothing that a database refuses, nothing that makes equal texts differ."""

from __future__ import annotations

import base64
import json
import math
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

DATE_FIELDS = ("ingested_at", "created_at", "timestamp", "date", "created")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.DOTALL)
EPOCH = re.compile(r"\d{9,13}(?:\.\d+)?")
SURROGATE = re.compile("[\ud800-\udfff]")
# An escaped NUL in JSON text, not a backslash followed by "u0000".
ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def clean(text: str) -> str:
    """Make a text storable and comparable.

    Removes NUL, lone surrogates and byte order marks, turns CRLF and CR into LF, composes characters (Unicode NFC) and
    strips white space from both ends. Nothing else changes.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = unicodedata.normalize("NFC", SURROGATE.sub("", text).replace("\ufeff", ""))
    return text.strip()


def write_json(value: Any) -> str:
    """Write a record as JSON text that every reader takes: no NaN, NUL or lone surrogate; the rest is whole.

    Raises:
        RecursionError: the record is nested too deeply.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except (ValueError, TypeError):
        text = json.dumps(_without_nan(value), ensure_ascii=False, default=_plain)
    if "\\u0000" in text:
        text = ESCAPED_NUL.sub(r"\1", text)
    return text if text.isascii() else SURROGATE.sub("", text)


def _plain(value: Any) -> Any:
    """Give JSON for what Parquet holds and JSON does not: dates as ISO text, bytes as text or base64, else the text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return decode(value) or base64.b64encode(value).decode()
    return str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def decode(value: bytes) -> str | None:
    """Read bytes as UTF-8 (Parquet writers may store text as plain bytes); None if they are not."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def find_date(record: dict[str, Any]) -> date | None:
    """Find a record's own date (UTC) in the first of ``DATE_FIELDS`` that can be read as one, else None."""
    for field in DATE_FIELDS:
        if field in record and (found := parse_date(record[field])) is not None:
            return found
    return None


def parse_date(value: Any) -> date | None:
    """Read an ISO date or datetime, or an epoch in seconds (9 or 10 digits) or milliseconds (12 or 13 digits).

    Returns:
        The date in UTC (a time without zone counts as UTC), or None for anything else: a date is never guessed.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:.6f}" if isinstance(value, float) else str(value)
    try:
        if isinstance(value, str):
            value = value.strip()
            if EPOCH.fullmatch(value):
                n_digits = len(value.partition(".")[0])
                if n_digits == 11:
                    return None
                return datetime.fromtimestamp(float(value) / (1000 if n_digits > 11 else 1), tz=UTC).date()
            if not ISO_DATE.fullmatch(value):
                return None
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return (value.astimezone(UTC) if value.tzinfo else value).date()
    except (ValueError, OverflowError):
        return None
    return value if isinstance(value, date) else None
