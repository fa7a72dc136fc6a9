"""Rate limits: requests per minute and tokens per minute, as an even flow rather than a burst and a pause."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

from python_models.settings import LlmSettings

# Seconds' worth that may go at once after a pause. The rate is lowered by as much, so that no minute passes the limit.
_BURST_S = 1.0


class RateLimit:
    """At most ``per_minute`` units in any 60 seconds, first come, first served."""

    def __init__(self, per_minute: float) -> None:
        per_second = per_minute / (60.0 + _BURST_S)
        self._capacity = max(1.0, per_second * _BURST_S)
        self._limiter = AsyncLimiter(self._capacity, self._capacity / per_second)
        self._turn = asyncio.Lock()

    async def acquire(self, amount: float) -> None:
        """Wait until ``amount`` units may go; more than the limiter holds at once is taken in portions."""
        async with self._turn:
            while amount > 0:
                portion = min(amount, self._capacity)
                await self._limiter.acquire(portion)
                amount -= portion


class RateLimits:
    """The configured limits of one run; without any, ``acquire`` returns at once."""

    def __init__(self, settings: LlmSettings) -> None:
        self._requests = RateLimit(settings.requests_per_minute) if settings.requests_per_minute else None
        self._tokens = RateLimit(settings.tokens_per_minute) if settings.tokens_per_minute else None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return self._requests is not None or self._tokens is not None

    async def acquire(self, n_tokens: int) -> None:
        """Wait until one request of ``n_tokens`` (prompt, and the longest reply it allows) may go."""
        if self._tokens is not None:
            await self._tokens.acquire(n_tokens)
        if self._requests is not None:
            await self._requests.acquire(1)
