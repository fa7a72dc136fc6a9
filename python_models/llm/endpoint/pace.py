"""What an address can take just now: how many calls at once, how often, and until when nobody should ask.

All slots share it. An address that turns calls away (429) is asked by nobody until the pause is over that it asked
for; then by fewer at once, and less often, and by more again as it goes well. So a limit costs few calls, not all of
them again and again. Few go at first, since neither the limits nor the number of calls that a server can work on at
once are known: a server with one slot would let all others wait until they give up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from python_models.llm.endpoint.quota import Quota
from python_models.llm.endpoint.retries import backoff_s

_FIRST = 1
_AFTER_FIRST = 4
_GROWTH = 0.25
"""Calls at once: at first, after the first reply, and how many more per reply (one, where the limits are known)."""

_BACK_OFF = 1.25
_SPEED_UP = 0.99
"""Factors of the seconds between two calls, after a refusal and after a reply: one refusal in more than 20 replies."""

_QUEUEING = 1.5
_SHARE_TO_STAY = 0.25
_SHARE_TO_SHRINK = 0.5
"""A reply that took so many times as long as the fastest one has waited in a queue. That is fine up to the first share
of the timeout; beyond it no more calls go at once, beyond the second fewer."""

_MINUTE_S = 60.0
_SPREAD_UNTIL = 500
_LEAST_SPREAD_S = 0.1
_LEAST_INTERVAL_S = 0.005
"""So many calls are spread, where a reply takes so long at least; intervals below the last are none."""


class Pace:
    """The pace of calls to one address, within one event loop.

    Args:
        most: calls at once, at most.
        timeout_s: the patience with one call.

    Attributes:
        n_in_flight: calls at once now.
        n_succeeded: replies so far.
        n_turned_away: calls turned away since the last reply; calls that were under way together count once.
        waits_for: why the next call waits, None if it does not.
    """

    def __init__(self, most: int, timeout_s: float) -> None:
        self._most = most
        self._timeout_s = timeout_s
        self._limit = float(min(_FIRST, most))
        self._fastest_s = float("inf")
        self._cut_at = self._resume_at = self._next_at = float("-inf")
        self._interval_s = 0.0
        self._recent: deque[tuple[int, int]] = deque()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._is_ended = False
        self._clock = asyncio.get_running_loop().time
        self.quota = Quota()
        self.last_success_at = float("-inf")
        self.n_in_flight = self._tokens_in_flight = 0
        self.n_succeeded = 0
        self.n_turned_away = 0
        self.waits_for: str | None = None

    async def enter(self, n_tokens: int) -> bool:
        """Wait until a call of so many tokens (prompt, and the longest reply it allows) may go; False at the end."""
        async with self._turn:
            while not self._is_ended:
                wait_s, self.waits_for = self._wait(n_tokens)
                if wait_s <= 0:
                    now = self._clock()
                    self._next_at = now + max(self._interval_s, self._gap_s())
                    self.quota.take(n_tokens, now)
                    self.n_in_flight += 1
                    self._tokens_in_flight += n_tokens
                    return True
                self._changed.clear()
                try:
                    async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass  # it may go now
        return False

    def leave(self, n_tokens: int) -> None:
        """A call of so many tokens has ended."""
        self.n_in_flight -= 1
        self._tokens_in_flight -= n_tokens
        self._changed.set()

    def end(self) -> None:
        """Let nobody enter any more."""
        self._is_ended = True
        self._changed.set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read what a response says about limits."""
        if "x-ratelimit-limit-tokens" in headers or "x-ratelimit-limit-requests" in headers:
            in_flight = {"tokens": self._tokens_in_flight, "requests": self.n_in_flight}
            self.quota.learn(headers, in_flight, self._clock())

    def succeeded(self, seconds: float) -> None:
        """A reply came after so many seconds."""
        now = self._clock()
        self.last_success_at = now
        self.n_succeeded += 1
        self.n_turned_away = 0
        self._count(int(now))
        self._interval_s = self._interval_s * _SPEED_UP if self._interval_s > _LEAST_INTERVAL_S else 0.0
        self._fastest_s = min(self._fastest_s, seconds)
        if self.n_succeeded == 1:
            self._limit = float(min(_AFTER_FIRST, self._most))
        elif seconds <= max(_QUEUEING * self._fastest_s, _SHARE_TO_STAY * self._timeout_s):
            self._limit = min(self._most, self._limit + (1.0 if self.quota.is_known else _GROWTH))
        elif seconds > _SHARE_TO_SHRINK * self._timeout_s:
            self._limit = max(1.0, self._limit - 0.5)

    def turned_away(self, sent_at: float, asked_s: float | None) -> None:
        """A call sent at that time (of the event loop) was refused for its rate, and was asked to wait so long."""
        now = self._clock()
        if asked_s is not None:
            self._resume_at = max(self._resume_at, now + asked_s)
            if self.n_succeeded:
                self._interval_s = max(self._interval_s, min(asked_s, self._usual_interval_s(now)))
        if sent_at <= self._cut_at:
            return  # it was under way when another was turned away: the same refusal
        self.n_turned_away += 1
        self._resume_at = max(self._resume_at, now + backoff_s(self.n_turned_away, asked_s))
        self._interval_s = self._interval_s * _BACK_OFF if self._interval_s else min(1.0, self._usual_interval_s(now))
        self.quota.drain(now)
        self._cut(now)

    def timed_out(self, sent_at: float) -> None:
        """A call sent at that time (of the event loop) was given up: perhaps too many were sent at once."""
        if sent_at > self._cut_at:
            self._cut(self._clock())

    def _cut(self, now: float) -> None:
        self._cut_at = now
        self._limit = max(1.0, self._limit / 2)

    def _wait(self, n_tokens: int) -> tuple[float, str | None]:
        """Seconds until the next call may go, as far as that is known now, and why."""
        now = self._clock()
        if now < self._resume_at:
            return self._resume_at - now, f"the rate limit (429), {self._resume_at - now:,.0f} s"
        if self.n_in_flight >= int(self._limit):
            few = self._limit < self._most and self._cut_at > float("-inf")
            return float(
                "inf"
            ), f"one of {self.n_in_flight} calls in flight (no more at once, after refusals)" if few else None
        if (wait_s := self.quota.wait_s(n_tokens, now)) > 0:
            return wait_s, str(self.quota)
        return self._next_at - now, "the rate limit (429)" if self._interval_s > 1 else None

    def _gap_s(self) -> float:
        """Spread the first calls, so that not all of them run into a limit at once that is not known yet."""
        if self.n_succeeded > _SPREAD_UNTIL or self.quota.is_known or not _LEAST_SPREAD_S <= self._fastest_s < 1e9:
            return 0.0
        return self._fastest_s / (2 * self._limit)

    def _count(self, second: int) -> None:
        if self._recent and self._recent[-1][0] == second:
            self._recent[-1] = (second, self._recent[-1][1] + 1)
        else:
            self._recent.append((second, 1))

    def _usual_interval_s(self, now: float) -> float:
        """Limits are per minute: what the last minute brought is what a minute allows."""
        while self._recent and self._recent[0][0] < now - _MINUTE_S:
            self._recent.popleft()
        return _MINUTE_S / max(1, sum(count for _, count in self._recent))
