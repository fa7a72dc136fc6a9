"""The spending limit: every request is reserved at its worst price before it is sent, and settled when answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.errors import PriceError, SpendingLimitReached
from python_models.llm.request import ChatRequest
from python_models.llm.spending.prices import PRICES_PATH, Price, find_price, max_prompt_tokens


class Budget:
    """What one cache file has cost so far, and how much more it may.

    The limit counts every reply that was paid for into this cache, at the prices of the seed, and every request whose
    outcome was never known (a timeout, a kill), at its worst price: it may have been paid for.

    Args:
        limit_usd: the spending limit in US dollars, None for none.
        prices: by model name.
        cache: read once, for what was spent before.
        is_free: whether the endpoint of this run costs nothing.

    Raises:
        PriceError: a limit is set and a model in the cache has no price.
    """

    def __init__(
        self, limit_usd: float | None, prices: Mapping[str, Price], cache: ResponseCache, *, is_free: bool = False
    ) -> None:
        limit_usd = None if is_free else limit_usd
        self.limit_usd = limit_usd
        self.is_free = is_free
        self._prices = prices
        self._settled = asyncio.Event()
        self._n_reserved = 0
        self._reserved_usd = 0.0
        self.spent_usd = 0.0
        self.is_complete = True
        for usage in cache.usage():
            if usage.is_imported or usage.is_free:
                continue  # paid for elsewhere, or not at all
            price = find_price(prices, usage.model)
            if price is not None:
                tokens = (usage.n_prompt_tokens, usage.n_cached_tokens, usage.n_completion_tokens)
                self.spent_usd += price.cost(*tokens, n_written=usage.n_cache_write_tokens, is_batch=usage.is_batch)
            elif limit_usd is not None:
                raise self._unknown_price(usage.model)
            else:
                self.is_complete = False
        for model, is_batch, n_prompt, n_completion in cache.reserved():
            price = find_price(prices, model)
            if price is not None:
                self.spent_usd += price.worst_cost(n_prompt, n_completion, is_batch=bool(is_batch))
            elif limit_usd is not None:
                raise self._unknown_price(model)
            else:
                self.is_complete = False

    def worst_cost(self, request: ChatRequest, attempt: int, *, is_batch: bool = False) -> tuple[float, int, int]:
        """The most that a request can cost: US dollars, prompt tokens, completion tokens.

        Raises:
            PriceError: the model has no price, or nothing bounds the length of the reply.
        """
        price = find_price(self._prices, request.model)
        if price is None:
            raise self._unknown_price(request.model)
        n_completion = request.max_reply_tokens(attempt)
        if n_completion is None:
            raise PriceError(
                "TACOS_MAX_COST_USD is set, but a request has no max_tokens, so that its cost is not bounded. "
                "Give the request max_tokens, or unset TACOS_MAX_COST_USD."
            )
        n_prompt = max_prompt_tokens(request)
        return price.worst_cost(n_prompt, n_completion, is_batch=is_batch), n_prompt, n_completion

    async def reserve(self, usd: float) -> None:
        """Set ``usd`` aside, waiting for requests in flight to be settled if it does not fit now.

        Raises:
            SpendingLimitReached: it does not fit, and nothing is in flight that could settle below its worst price.
        """
        limit = self.limit_usd
        while limit is not None and self.spent_usd + self._reserved_usd + usd > limit:
            if self._n_reserved == 0:
                raise SpendingLimitReached(
                    f"The next request could cost up to ${usd:.4f}, but ${self.spent_usd:.4f} of the "
                    f"${limit:.4f} of TACOS_MAX_COST_USD is spent. Everything received is in the cache; set a higher "
                    "limit and run again to go on from here."
                )
            self._settled.clear()
            await self._settled.wait()
        self._n_reserved += 1
        self._reserved_usd += usd

    @property
    def known_spent_usd(self) -> float | None:
        """US dollars spent so far, None if a model without a price was used."""
        return self.spent_usd if self.is_complete else None

    def settle(self, reserved_usd: float, spent_usd: float) -> None:
        """Replace a reservation by what the call cost (0 if it was refused, its worst price if that is not known)."""
        self._n_reserved -= 1
        self._reserved_usd = self._reserved_usd - reserved_usd if self._n_reserved else 0.0
        self.spent_usd += spent_usd
        self._settled.set()

    def cost(self, reply: CachedReply) -> float | None:
        """US dollars of a reply; None if the price is unknown or the endpoint counted no tokens."""
        if self.is_free:
            return 0.0
        price = find_price(self._prices, reply.model)
        if price is None:
            self.is_complete = False
        if price is None or reply.n_prompt_tokens is None or reply.n_completion_tokens is None:
            return None
        tokens = (reply.n_prompt_tokens, reply.n_cached_tokens or 0, reply.n_completion_tokens)
        return price.cost(*tokens, n_written=reply.n_cache_write_tokens or 0, is_batch=reply.is_batch)

    @staticmethod
    def _unknown_price(model: str) -> PriceError:
        return PriceError(
            f"TACOS_MAX_COST_USD is set, but the price of {model!r} is not known. Add a row for it to {PRICES_PATH} "
            "(0 for a model of your own), or unset TACOS_MAX_COST_USD."
        )
