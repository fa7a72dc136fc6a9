"""When and how long to wait before a failed call is tried again."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0
"""A server that asks for a longer pause (a daily quota) is not waited for: the call fails and says so."""


def backoff_s(n_failures: int, retry_after_s: float | None) -> float:
    """Seconds to wait after the given number of failures (from 1): exponential, with jitter.

    What the server asks for by ``Retry-After`` is never undercut; the jitter on top spreads the calls that were
    turned away together.
    """
    longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(n_failures - 1, 20))
    if retry_after_s is not None:
        return retry_after_s + random.uniform(0.0, min(longest, 1.0))  # noqa: S311 - no secret
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``retry-after-ms`` or ``Retry-After`` (seconds or a date), None if absent or unreadable."""
    milliseconds = _read_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _read_number(given)
    if seconds is None and given:
        date = email.utils.parsedate_tz(given)
        seconds = max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
    return seconds


def _read_number(text: str | None) -> float | None:
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
