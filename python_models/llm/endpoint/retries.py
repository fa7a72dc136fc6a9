"""When and how long to wait before a failed call is tried again."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Mapping

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0
"""A server that asks for a longer pause (a daily quota) is not waited for: the call fails and says so."""

_RETRY_INFO = re.compile(r'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
_RESETS = ("x-ratelimit-reset-tokens", "x-ratelimit-reset-requests", "x-ratelimit-reset", "ratelimit-reset")
_DURATION_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SINCE_1970_S = 1e9
_SINCE_1970_MS = 1e12


def backoff_s(n_failures: int, retry_after_s: float | None) -> float:
    """Seconds to wait after the given number of failures (from 1): exponential, with jitter.

    What the server asks for by ``Retry-After`` is never undercut; the jitter on top spreads the calls that were
    turned away together.
    """
    longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(n_failures - 1, 20))
    if retry_after_s is not None:
        return retry_after_s + random.uniform(0.0, min(longest, 1.0))  # noqa: S311 - no secret
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def read_retry_after(headers: Mapping[str, str], body: str = "") -> float | None:
    """Seconds that a refusal asks to wait, None if it does not say so in any of the ways in use.

    In this order: ``retry-after-ms``; ``Retry-After`` (seconds or a date); Google's ``RetryInfo`` in the body; the
    times at which limits are reset (``x-ratelimit-reset-tokens: 6m0s``, ``ratelimit-reset: 30``).
    """
    milliseconds = _read_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _read_number(given)
    if seconds is None and given:
        date = email.utils.parsedate_tz(given)
        seconds = max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None
    if seconds is None and (retry_info := _RETRY_INFO.search(body)):
        seconds = _read_number(retry_info.group(1))
    return _read_reset(headers) if seconds is None else seconds


def _read_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limit is reset that was reached: the one of which nothing is left, else the last of all."""
    reached, others = [], []
    for name in _RESETS:
        seconds = _read_duration(headers.get(name))
        if seconds is not None:
            left = headers.get(name.replace("reset", "remaining"))
            (reached if _read_number(left) == 0 else others).append(seconds)
    return max(reached or others, default=None)


def _read_duration(text: str | None) -> float | None:
    """Seconds of ``30``, ``1m2.5s``, ``838ms``, or of a time since 1970 in seconds or milliseconds."""
    number = _read_number(text)
    if number is not None:
        if number > _SINCE_1970_MS:
            number /= 1000
        return max(0.0, number - time.time()) if number > _SINCE_1970_S else number
    parts = _DURATION_PART.findall(text or "")
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        return None
    return sum(float(amount) * _UNITS_S[unit] for amount, unit in parts)


def _read_number(text: str | None) -> float | None:
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
