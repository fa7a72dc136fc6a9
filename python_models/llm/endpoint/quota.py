"""The limits that an endpoint states in its headers, kept as it keeps them: a bucket that fills as the minute goes."""

from __future__ import annotations

from collections.abc import Mapping

_MINUTE_S = 60.0


class Bucket:
    """So many units a minute, of which so many are left.

    Args:
        per_minute: the limit.
        n_left: units left now.
        now: time of the event loop.
    """

    def __init__(self, per_minute: float, n_left: float, now: float) -> None:
        self.per_minute = per_minute
        self._n_left = min(n_left, per_minute)
        self._at = now

    def left(self, now: float) -> float:
        """Units left at that time."""
        self._n_left = min(self.per_minute, self._n_left + (now - self._at) * self.per_minute / _MINUTE_S)
        self._at = now
        return self._n_left

    def take(self, amount: float, now: float) -> None:
        """Take units out."""
        self._n_left = self.left(now) - amount

    def correct(self, n_left: float, in_flight: float, now: float) -> None:
        """The endpoint says how many are left: there are no more, and no fewer than without the calls under way."""
        self._n_left = min(n_left, max(self.left(now), n_left - in_flight))

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until so many units are there; a full bucket has to do for what is larger than it."""
        return (min(amount, self.per_minute) - self.left(now)) * _MINUTE_S / self.per_minute


class Quota:
    """Tokens and requests per minute, as far as the endpoint states them (``x-ratelimit-limit-tokens`` and so on)."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    @property
    def is_known(self) -> bool:
        """Whether the endpoint states any limit."""
        return bool(self._buckets)

    def learn(self, headers: Mapping[str, str], in_flight: Mapping[str, float], now: float) -> None:
        """Read the headers of a response, while so many ``tokens`` and ``requests`` are under way."""
        for unit in ("tokens", "requests"):
            limit = _number(headers.get(f"x-ratelimit-limit-{unit}"))
            left = _number(headers.get(f"x-ratelimit-remaining-{unit}"))
            if not limit or left is None:
                continue
            bucket = self._buckets.get(unit)
            if bucket is None or bucket.per_minute != limit:
                self._buckets[unit] = Bucket(limit, left, now)
            else:
                bucket.correct(left, in_flight[unit], now)

    def take(self, n_tokens: int, now: float) -> None:
        """A request of so many tokens goes."""
        for unit, bucket in self._buckets.items():
            bucket.take(n_tokens if unit == "tokens" else 1, now)

    def drain(self, now: float) -> None:
        """A call was turned away: nothing is left, whatever the count here says."""
        for bucket in self._buckets.values():
            bucket.correct(0.0, 0.0, now)

    def wait_s(self, n_tokens: int, now: float) -> float:
        """Seconds until a request of so many tokens may go."""
        return max(
            (bucket.wait_s(n_tokens if unit == "tokens" else 1, now) for unit, bucket in self._buckets.items()),
            default=0.0,
        )

    def __str__(self) -> str:
        stated = (f"{bucket.per_minute:,.0f} {unit} a minute" for unit, bucket in self._buckets.items())
        return f"the endpoint's limit of {' and '.join(stated)}"


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
