"""The event loop that sends: a thread with one asyncio loop, a fixed number of slots, retries, limits and the budget.

Replies do not come back through the loop: a slot hands each reply to the cache's writer, which passes replies on, in
groups, when they are on the disk. Only then the slot takes its next request, so that a kill at any moment loses at most
one call per slot.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from python_models.llm.cache.rows import INSERT_REPLY, CachedReply
from python_models.llm.cache.writer import CacheWriter, Work
from python_models.llm.effort import Rooms
from python_models.llm.endpoint.client import MOST_TIMEOUTS, ChatClient
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.endpoint.failures import AskDifferently, CallFailed
from python_models.llm.endpoint.limits import RateLimits
from python_models.llm.endpoint.retries import LONGEST_RETRY_AFTER_S
from python_models.llm.errors import CacheError, EndpointError, SpendingLimitReached
from python_models.llm.jobs import Job, Outcome
from python_models.llm.patience import Patience
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.prices import max_prompt_tokens
from python_models.llm.spending.reservations import Also, Reservation, Reservations
from python_models.settings import LlmSettings

_GRACE_S = 10.0


class Sender:
    """Sends jobs to an endpoint from a thread of its own.

    Args:
        stage: for the usage columns.
        endpoint: where to.
        settings: concurrency, limits, timeout, retries.
        budget: counts and limits the spending.
        writer: commits replies; its groups become the lists in ``outcomes``.
    """

    def __init__(
        self, stage: str, endpoint: Endpoint, settings: LlmSettings, budget: Budget, writer: CacheWriter
    ) -> None:
        self._stage = stage
        self._endpoint = endpoint
        self._settings = settings
        self._writer = writer
        self._committed: list[Outcome] = []
        self._stored: list[asyncio.Future[None]] = []
        writer.after_group = self._pass_on
        self.outcomes: queue.SimpleQueue[list[Outcome]] = queue.SimpleQueue()
        n_urls = len(endpoint.base_urls)
        per_url = endpoint.max_concurrency or -(-settings.max_concurrency // n_urls)
        self.n_slots = min(settings.max_concurrency, per_url * n_urls)
        self._jobs: asyncio.PriorityQueue[tuple[bool, int, Job]] = asyncio.PriorityQueue()
        self._numbers = itertools.count()
        self._calling: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._stop = asyncio.Event()
        self._grace_s = 0.0
        self._fatal: BaseException | None = None
        self.patience = Patience(settings.max_retries, self.n_slots)
        self._reservations = Reservations(stage, budget, writer)
        self._clients: list[ChatClient] = []
        self._loop = asyncio.new_event_loop()
        self._limits = RateLimits(settings)
        self.rooms = Rooms()
        self._thread = threading.Thread(target=self._run, name="tacos-sender", daemon=True)
        self._thread.start()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Hand over jobs; each comes back as one Outcome, unless the run ends before."""
        if jobs:
            self._loop.call_soon_threadsafe(self._enqueue, jobs)

    def waits_for(self) -> str | None:
        """Why calls wait just now, None if they do not."""
        return next((client.pace.waits_for for client in list(self._clients) if client.pace.waits_for), None)

    @property
    def n_in_flight(self) -> int:
        """Calls in flight."""
        return sum(client.pace.n_in_flight for client in list(self._clients))

    def interrupt(self, error: BaseException) -> None:
        """Send nothing more, take the replies of the calls in flight (they are paid for), then end with the error."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # the loop may just have ended
                self._loop.call_soon_threadsafe(self._end_run, error, MOST_TIMEOUTS * self._settings.request_timeout_s)

    def close(self) -> None:
        """Stop at once: calls in flight are cancelled. Does nothing if the loop has ended by itself."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # the loop may just have ended
                self._loop.call_soon_threadsafe(self._stop.set)
                self._loop.call_soon_threadsafe(self._hurry.set)
            self._thread.join()

    def _enqueue(self, jobs: Sequence[Job]) -> None:
        """Further attempts go first, so that a hopeless item is known before many others are paid for."""
        for job in jobs:
            self._jobs.put_nowait((not job.is_again, next(self._numbers), job))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._send_all())
        except BaseException as error:
            self._fatal = self._fatal or error
        finally:
            self._loop.close()
            if self._fatal is not None:
                self.outcomes.put([Outcome(None, fatal=self._fatal)])

    async def _send_all(self) -> None:
        n_urls = len(self._endpoint.base_urls)
        self._clients = [
            ChatClient(self._endpoint, url, self._settings.request_timeout_s, -(-self.n_slots // n_urls))
            for url in self._endpoint.base_urls
        ]
        try:
            slots = [asyncio.create_task(self._work(self._clients[number % n_urls])) for number in range(self.n_slots)]
            await self._stop.wait()
            for client in self._clients:
                client.pace.end()
            calling = [slot for slot in slots if slot in self._calling]
            for slot in slots:
                if slot not in self._calling:
                    slot.cancel()
            if self._grace_s and calling:  # calls in flight are paid for: take what still comes
                hurry = asyncio.create_task(self._hurry.wait())
                ended: list[asyncio.Future[Any]] = [asyncio.gather(*calling, return_exceptions=True), hurry]
                await asyncio.wait(ended, timeout=self._grace_s, return_when=asyncio.FIRST_COMPLETED)
                hurry.cancel()
            for slot in slots:
                slot.cancel()
            await asyncio.gather(*slots, return_exceptions=True)
        finally:
            for client in self._clients:
                await client.close()

    async def _work(self, client: ChatClient) -> None:
        """One slot: take the next job whenever it is free."""
        slot = asyncio.current_task()
        while not self._stop.is_set():
            _, _, job = await self._jobs.get()
            try:
                await self._send(job, client)
            except Exception as error:
                self._end_run(error)
            finally:
                if slot is not None:
                    self._calling.discard(slot)

    def _end_run(self, error: BaseException, grace_s: float = _GRACE_S) -> None:
        """Send nothing more; wait for the calls in flight, then tell the thread that asked."""
        if self._fatal is None:
            self._fatal = error
            self._grace_s = self._settings.request_timeout_s if isinstance(error, SpendingLimitReached) else grace_s
            self._stop.set()

    async def _send(self, job: Job, client: ChatClient) -> None:
        """One job to its end: a committed reply, or an error after all retries."""
        job = replace(job, request=self.rooms.widen(job.request))
        n_failures = n_tries = level = 0
        n_succeeded = client.pace.n_succeeded
        while not self._stop.is_set():
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
                    error = self.patience.gave_up(failure, n_tries, client.base_url)
                    self.outcomes.put([Outcome(job, error=error)])
                    return
                await self._sleep(pause_s)
                client = self._next_client(client)
                continue
            if called is None:
                return
            reply, reservation = called
            self.patience.succeeded()
            await self._store(job, reply, self._reservations.pay(reservation, reply))
            return

    async def _call(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, Reservation] | None:
        """One call within limits, pace and budget; returns the reply and its reservation, still to be settled, or None
        at the end of the run."""
        n_tokens = 0
        if self._limits.is_set or client.pace.quota.is_known:
            n_tokens = max_prompt_tokens(job.request) // 4 + (job.request.max_reply_tokens(job.attempt) or 0)
            await self._limits.acquire(n_tokens)
        if not await client.pace.enter(n_tokens):
            return None
        slot = asyncio.current_task()
        if slot is not None:
            self._calling.add(slot)
        sent_at = self._loop.time()
        try:
            called = await self._ask(job, client, level)
        except CallFailed as failure:
            if failure.is_turned_away:
                now = self._loop.time()
                self.patience.turned_away(failure, client.base_url, client.pace.n_turned_away, now)
                asked_s = failure.retry_after_s
                client.pace.turned_away(sent_at, None if (asked_s or 0) > LONGEST_RETRY_AFTER_S else asked_s)
            elif failure.kind == "timeout":
                client.pace.timed_out(sent_at)
            raise
        finally:
            client.pace.leave(n_tokens)
        if called is not None:
            client.pace.succeeded(self._loop.time() - sent_at)
        return called

    async def _ask(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, Reservation] | None:
        """One call within the budget."""
        reservation = await self._reservations.reserve(job, client.base_url)
        if self._stop.is_set():  # it waited for the budget until the end
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

    def _next_client(self, client: ChatClient) -> ChatClient:
        """The next URL, for a request that failed at this one: one dead server of several loses nothing."""
        return self._clients[(self._clients.index(client) + 1) % len(self._clients)]

    async def _store(self, job: Job, reply: CachedReply, also: Also) -> None:
        """Hand the reply, and what is to be written with it, to the writer; wait until it is on the disk."""
        stored: asyncio.Future[None] = self._loop.create_future()

        def committed(error: CacheError | None) -> None:
            self._committed.append(Outcome(job, reply) if error is None else Outcome(job, fatal=error))
            self._stored.append(stored)

        self._writer.send(Work(INSERT_REPLY, [reply.row()], also, committed))
        await stored

    def _pass_on(self) -> None:
        """In the writer's thread after a commit: one list for who asked, one wake-up for all slots of the group."""
        if self._committed:
            self.outcomes.put(self._committed)
            stored, self._committed, self._stored = self._stored, [], []
            with suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(_resolve, stored)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the run."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def _resolve(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():  # a cancelled slot waits no more
            future.set_result(None)
