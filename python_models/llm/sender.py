"""The event loop that sends: a thread with one asyncio loop and a fixed number of slots. ``calls`` makes the calls.

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
from python_models.llm.calls import Calls
from python_models.llm.endpoint.client import MOST_TIMEOUTS, ChatClient
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import CacheError, SpendingLimitReached
from python_models.llm.jobs import Job, Outcome
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.reservations import Also
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
        self._hurry = asyncio.Event()
        self._grace_s = 0.0
        self._fatal: BaseException | None = None
        self._calls = Calls(stage, settings, budget, writer, self.n_slots)
        self._stop = self._calls.stop
        self.patience, self.rooms = self._calls.patience, self._calls.rooms
        self._clients: list[ChatClient] = []
        self._loop = asyncio.new_event_loop()
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
            slots = [asyncio.create_task(self._work(number % n_urls)) for number in range(self.n_slots)]
            await self._stop.wait()
            for client in self._clients:
                client.pace.end()
            calling = [slot for slot in slots if slot in self._calls.calling]
            for slot in slots:
                if slot not in self._calls.calling:
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

    async def _work(self, number: int) -> None:
        """One slot: take the next job whenever it is free, and ask the client of this number first."""
        slot = asyncio.current_task()
        while not self._stop.is_set():
            _, _, job = await self._jobs.get()
            job = replace(job, request=self.rooms.widen(job.request))
            try:
                ended = await self._calls.send(job, self._clients, number)
                if isinstance(ended, str):
                    self.outcomes.put([Outcome(job, error=ended)])
                elif ended is not None:
                    await self._store(job, *ended)
            except Exception as error:
                self._end_run(error)
            finally:
                if slot is not None:
                    self._calls.calling.discard(slot)

    def _end_run(self, error: BaseException, grace_s: float = _GRACE_S) -> None:
        """Send nothing more; wait for the calls in flight, then tell the thread that asked."""
        if self._fatal is None:
            self._fatal = error
            self._grace_s = self._settings.request_timeout_s if isinstance(error, SpendingLimitReached) else grace_s
            self._stop.set()

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


def _resolve(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():  # a cancelled slot waits no more
            future.set_result(None)
