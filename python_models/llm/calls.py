"""One request to its reply: retries, limits, the pace of the endpoint, and the budget. See ``sender`` for the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from python_models.llm.cache.rows import CachedReply
from python_models.llm.cache.writer import CacheWriter
from python_models.llm.effort import Rooms
from python_models.llm.endpoint.client import ChatClient
from python_models.llm.endpoint.failures import AskDifferently, CallFailed
from python_models.llm.endpoint.limits import RateLimits
from python_models.llm.endpoint.retries import LONGEST_RETRY_AFTER_S
from python_models.llm.errors import EndpointError
from python_models.llm.jobs import Job
from python_models.llm.patience import Patience
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.prices import max_prompt_tokens
from python_models.llm.spending.reservations import Also, Reservation, Reservations
from python_models.settings import LlmSettings


class Calls:
    """Makes the calls of a run, in its event loop.

    Args:
        stage: for the usage columns.
        settings: limits, retries.
        budget: counts and limits the spending.
        writer: writes what is set aside.
        n_slots: calls in flight, at most.

    Attributes:
        stop: to be set when nothing more shall be sent.
        calling: the tasks with a call in flight, which is paid for; a task leaves it when its reply is stored.
        patience, rooms: what the run learns from failures, and from replies that were cut.
    """

    def __init__(self, stage: str, settings: LlmSettings, budget: Budget, writer: CacheWriter, n_slots: int) -> None:
        self._stage = stage
        self._limits = RateLimits(settings)
        self._reservations = Reservations(stage, budget, writer)
        self.stop = asyncio.Event()
        self.calling: set[asyncio.Task[None]] = set()
        self.patience = Patience(settings.max_retries, n_slots)
        self.rooms = Rooms()

    async def send(self, job: Job, clients: Sequence[ChatClient], number: int) -> tuple[CachedReply, Also] | str | None:
        """One job to its end.

        Args:
            job: what is asked.
            clients: one per URL of the endpoint.
            number: of the client that is asked first.

        Returns:
            The reply, paid for, and what is to be written with it; the error after all retries; None if the run ended.
        """
        client = clients[number]
        n_failures = n_tries = level = 0
        n_succeeded = client.pace.n_succeeded
        while not self.stop.is_set():
            try:
                called = await self._call(job, client, level)
            except AskDifferently as refusal:
                level = max(level, refusal.level)
                continue
            except CallFailed as failure:
                n_tries += 1
                others = client.pace.n_succeeded > n_succeeded
                n_failures += self.patience.uses_up_a_try(failure, n_tries, others)
                n_succeeded = client.pace.n_succeeded
                pause_s = self.patience.pause_after(failure, n_failures, client.base_url)
                if pause_s is None:
                    return self.patience.gave_up(failure, n_tries, client.base_url)
                await self._sleep(pause_s)
                # At the next URL: one dead server of several loses nothing.
                number = (number + 1) % len(clients)
                client = clients[number]
                continue
            if called is None:
                return None
            reply, reservation = called
            self.patience.succeeded()
            return reply, self._reservations.pay(reservation, reply)
        return None

    async def _call(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, Reservation] | None:
        """One call within limits, pace and budget; returns the reply and its reservation, still to be settled, or None
        at the end of the run."""
        loop = asyncio.get_running_loop()
        n_tokens = 0
        if self._limits.is_set or client.pace.quota.is_known:
            n_tokens = max_prompt_tokens(job.request) // 4 + (job.request.max_reply_tokens(job.attempt) or 0)
            await self._limits.acquire(n_tokens)
        if not await client.pace.enter(n_tokens):
            return None
        slot = asyncio.current_task()
        if slot is not None:
            self.calling.add(slot)
        sent_at = loop.time()
        try:
            called = await self._ask(job, client, level)
        except CallFailed as failure:
            if failure.is_turned_away:
                now = loop.time()
                self.patience.turned_away(failure, client.base_url, client.pace.n_turned_away, now)
                asked_s = failure.retry_after_s
                client.pace.turned_away(sent_at, None if (asked_s or 0) > LONGEST_RETRY_AFTER_S else asked_s)
            elif failure.kind == "timeout":
                client.pace.timed_out(sent_at)
            raise
        finally:
            client.pace.leave(n_tokens)
        if called is not None:
            client.pace.succeeded(loop.time() - sent_at)
        return called

    async def _ask(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, Reservation] | None:
        """One call within the budget."""
        reservation = await self._reservations.reserve(job, client.base_url)
        if self.stop.is_set():  # it waited for the budget until the end
            self._reservations.give_back(reservation)
            return None
        try:
            reply = await client.ask(self._stage, job.request, job.attempt, job.key, level)
        except CallFailed as failure:
            if failure.may_be_paid:
                self._reservations.lose(reservation)
            else:
                self._reservations.give_back(reservation)
            raise
        except (AskDifferently, EndpointError):
            self._reservations.give_back(reservation)
            raise
        return reply, reservation

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the run."""
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return
