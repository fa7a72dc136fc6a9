"""The date that a record carries itself."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

DATE_FIELDS = ("ingested_at", "created_at", "timestamp", "date", "created")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.DOTALL)
EPOCH = re.compile(r"\d{9,13}(?:\.\d+)?")


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
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = f"{value:.6f}" if isinstance(value, float) else str(value)
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
    except (ValueError, OverflowError):  # no such day, or none in UTC
        return None
    return value if isinstance(value, date) else None
