"""Money set aside for calls under way: in the budget of this process, and on disk, so that a kill cannot forget it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from python_models.llm.cache.rows import CachedReply, now_us
from python_models.llm.cache.writer import CacheWriter, Work
from python_models.llm.endpoint.dialect import dialect_of
from python_models.llm.endpoint.endpoint import shown_url
from python_models.llm.errors import PriceError
from python_models.llm.jobs import Job
from python_models.llm.spending.budget import Budget

_INSERT = (
    "INSERT INTO reservations (reservation_id, request_key, stage, model, n_prompt_tokens, n_completion_tokens,"
    " is_batch, sent_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?)"
)
_DELETE = "DELETE FROM reservations WHERE reservation_id = ?"

Also = tuple[tuple[str, Sequence[Sequence[object]]], ...]
"""Statements and their rows, written in one transaction with a reply."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The worst price of one call in US dollars; ``row`` is its number on disk, None without a spending limit."""

    usd: float = 0.0
    row: int | None = None


class Reservations:
    """Sets money aside before each call, and settles it after.

    Args:
        stage: for the rows on disk.
        budget: counts and limits the spending.
        writer: writes the rows.
    """

    def __init__(self, stage: str, budget: Budget, writer: CacheWriter) -> None:
        self._stage = stage
        self._budget = budget
        self._writer = writer

    async def reserve(self, job: Job, base_url: str) -> Reservation:
        """Set the worst price aside, waiting until the limit allows it.

        Raises:
            PriceError: there is a limit, but no bound of what a request can cost.
            SpendingLimitReached: nothing is under way that could give money back.
        """
        if self._budget.limit_usd is None:
            await self._budget.reserve(0.0)
            return Reservation()
        if {"max_tokens", "max_completion_tokens"} & dialect_of(base_url, job.request.model).dropped:
            raise PriceError(
                f"{shown_url(base_url)} takes no max_tokens, so that no request has a bounded cost. "
                "Unset TACOS_MAX_COST_USD to go on without a limit."
            )
        usd, n_prompt, n_completion = self._budget.worst_cost(job.request, job.attempt)
        await self._budget.reserve(usd)
        number = secrets.randbits(62)
        row = (number, bytes.fromhex(job.key), self._stage, job.request.model, n_prompt, n_completion, now_us())
        await asyncio.wrap_future(self._writer.submit(Work(_INSERT, [row])))
        return Reservation(usd, number)

    def give_back(self, reservation: Reservation) -> None:
        """For a call that cost nothing."""
        self._budget.settle(reservation.usd, 0.0)
        if reservation.row is not None:
            self._writer.send(Work(_DELETE, [(reservation.row,)]))

    def lose(self, reservation: Reservation) -> None:
        """For a call that may have been paid for without a reply: its row stays, and counts from now on."""
        self._budget.settle(reservation.usd, reservation.usd)

    def pay(self, reservation: Reservation, reply: CachedReply) -> Also:
        """For a call that brought a reply; returns what is to be written together with the reply."""
        cost = self._budget.cost(reply)
        self._budget.settle(reservation.usd, reservation.usd if cost is None else cost)
        if reservation.row is None or cost is None:
            return ()
        return ((_DELETE, [(reservation.row,)]),)
