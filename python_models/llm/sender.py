"""The event loop that sends: a thread with one asyncio loop, a fixed number of slots, retries, limits and the budget.

Replies do not come back through the loop: a slot hands each reply to the cache's writer, which passes replies on, in
groups, when they are on the disk. Only then the slot takes its next request, so that a kill at any moment loses at most
one call per slot.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from python_models.llm.cache.response_cache import INSERT_REPLY, CachedReply, now_us
from python_models.llm.cache.writer import CacheWriter, Work
from python_models.llm.effort import Rooms
from python_models.llm.endpoint.client import MOST_TIMEOUTS, AskDifferently, CallFailed, ChatClient
from python_models.llm.endpoint.dialect import dialect_of
from python_models.llm.endpoint.endpoint import Endpoint, shown_url
from python_models.llm.endpoint.limits import RateLimits
from python_models.llm.endpoint.retries import LONGEST_RETRY_AFTER_S, backoff_s
from python_models.llm.endpoint.transport import what_to_do
from python_models.llm.errors import CacheError, EndpointError, PriceError, SpendingLimitReached
from python_models.llm.request import ChatRequest
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.prices import max_prompt_tokens
from python_models.settings import LlmSettings

_INSERT_RESERVATION = (
    "INSERT INTO reservations (reservation_id, request_key, stage, model, n_prompt_tokens, n_completion_tokens,"
    " is_batch, sent_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?)"
)
_DELETE_RESERVATION = "DELETE FROM reservations WHERE reservation_id = ?"

# A server may still be starting: this many tries before a refused connection ends the run.
_TRIES_TO_CONNECT = 3
_LEAST_FAILURES_IN_A_ROW = 50
# Being turned away uses up no tries while others succeed, but there is an end to it, too.
_MOST_TRIES_PER_RETRY = 10
_LONGEST_TURNED_AWAY_S = 600.0
_GRACE_S = 10.0

_ABOUT_LIMITS = (
    "TACOS_TOKENS_PER_MINUTE, TACOS_REQUESTS_PER_MINUTE and TACOS_MAX_CONCURRENCY say what the endpoint allows"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to be asked for; ``first_key`` is the key of the request's first attempt, ``is_again`` goes first."""

    key: str
    request: ChatRequest
    attempt: int
    first_key: str
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: a committed reply, or an error; ``fatal`` ends the run."""

    job: Job | None
    reply: CachedReply | None = None
    error: str | None = None
    fatal: BaseException | None = None


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
        self._budget = budget
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
        self._has_succeeded = False
        self._n_failed_in_row = 0
        self._n_lost_in_row = 0
        self._turned_away_since: float | None = None
        self.notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._has_told_limits = False
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
                ended = asyncio.gather(*calling, return_exceptions=True)
                await asyncio.wait([ended, hurry], timeout=self._grace_s, return_when=asyncio.FIRST_COMPLETED)
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
                is_limited = failure.is_turned_away and client.pace.n_succeeded > n_succeeded
                if not is_limited or n_tries > _MOST_TRIES_PER_RETRY * (self._settings.max_retries + 1):
                    n_failures += 1
                n_succeeded = client.pace.n_succeeded
                pause_s = self._pause_after(failure, n_failures, client)
                if pause_s is None:
                    self._fail(job, failure, n_tries, client)
                    return
                await self._sleep(pause_s)
                client = self._next_client(client)
                continue
            if called is None:
                return
            reply, reservation, usd = called
            self._has_succeeded = True
            self._n_failed_in_row = self._n_lost_in_row = 0
            self._turned_away_since = None
            cost = self._budget.cost(reply)
            self._budget.settle(usd, usd if cost is None else cost)
            await self._store(job, reply, reservation if cost is not None else None)
            return

    async def _call(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, int | None, float] | None:
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
                self._tell_limits(failure, client)
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

    async def _ask(self, job: Job, client: ChatClient, level: int) -> tuple[CachedReply, int | None, float] | None:
        """One call within the budget."""
        reservation, usd = await self._reserve(job, client)
        if self._stop.is_set():  # it waited for the budget until the end
            self._release(reservation, usd)
            return None
        try:
            reply = await client.ask(self._stage, job.request, job.attempt, job.key, level)
        except CallFailed as failure:
            if failure.may_be_paid:
                self._budget.settle(usd, usd)
            else:
                self._release(reservation, usd)
            raise
        except (AskDifferently, EndpointError):
            self._release(reservation, usd)
            raise
        return reply, reservation, usd

    def _release(self, reservation: int | None, usd: float) -> None:
        """Give back what was set aside for a call that cost nothing."""
        self._budget.settle(usd, 0.0)
        if reservation is not None:
            self._writer.send(Work(_DELETE_RESERVATION, [(reservation,)]))

    async def _reserve(self, job: Job, client: ChatClient) -> tuple[int | None, float]:
        """With a spending limit: set the worst price aside, on disk too, so that a kill cannot forget it."""
        if self._budget.limit_usd is None:
            await self._budget.reserve(0.0)
            return None, 0.0
        if {"max_tokens", "max_completion_tokens"} & dialect_of(client.base_url, job.request.model).dropped:
            raise PriceError(
                f"{shown_url(client.base_url)} takes no max_tokens, so that no request has a bounded cost. "
                "Unset TACOS_MAX_COST_USD to go on without a limit."
            )
        usd, n_prompt, n_completion = self._budget.worst_cost(job.request, job.attempt)
        await self._budget.reserve(usd)
        reservation = secrets.randbits(62)
        row = (reservation, bytes.fromhex(job.key), self._stage, job.request.model, n_prompt, n_completion, now_us())
        await asyncio.wrap_future(self._writer.submit(Work(_INSERT_RESERVATION, [row])))
        return reservation, usd

    def _pause_after(self, failure: CallFailed, n_failures: int, client: ChatClient) -> float | None:
        """Seconds until the next try, None to give up; raises when the endpoint plainly cannot be used."""
        where = shown_url(client.base_url)
        if failure.kind == "file_handles" or (
            failure.is_unreachable and not self._has_succeeded and n_failures >= _TRIES_TO_CONNECT
        ):
            raise EndpointError(what_to_do(failure.kind, where, failure.detail))
        self._n_lost_in_row += failure.may_be_paid
        if self._n_lost_in_row >= max(_LEAST_FAILURES_IN_A_ROW, 2 * self.n_slots):
            raise EndpointError(
                f"{self._n_lost_in_row} calls in a row to {where} brought nothing and may have been paid for; the "
                f"last: {failure}. {_advice(failure)}Everything received is in the cache; run again when it answers."
            )
        asked_s = failure.retry_after_s
        if asked_s is not None and asked_s > LONGEST_RETRY_AFTER_S:
            return None
        if not failure.is_transient or n_failures > self._settings.max_retries:
            return None
        # Who was turned away waits with all others (see ``pace``), unless there is another address.
        return 0.0 if failure.is_turned_away else backoff_s(max(1, n_failures), asked_s)

    def _tell_limits(self, failure: CallFailed, client: ChatClient) -> None:
        """Say once per run that the endpoint turns calls away; stop when it has done nothing else for long."""
        now = self._loop.time()
        self._turned_away_since = self._turned_away_since or now
        if not self._has_told_limits:
            self._has_told_limits = True
            self.notices.put(f"{shown_url(client.base_url)} limits the calls ({failure}): waiting. {_ABOUT_LIMITS}.")
        if client.pace.n_turned_away > self._settings.max_retries and (
            now - self._turned_away_since > _LONGEST_TURNED_AWAY_S
        ):
            raise EndpointError(
                f"{shown_url(client.base_url)} has turned all calls away for {now - self._turned_away_since:,.0f} s; "
                f"the last: {failure}. {_ABOUT_LIMITS}. Everything received is in the cache; run again later."
            )

    def _next_client(self, client: ChatClient) -> ChatClient:
        """The next URL, for a request that failed at this one: one dead server of several loses nothing."""
        return self._clients[(self._clients.index(client) + 1) % len(self._clients)]

    def _fail(self, job: Job, failure: CallFailed, n_tries: int, client: ChatClient) -> None:
        error = str(failure) + (f" ({n_tries} tries)" if n_tries > 1 else "")
        if (failure.retry_after_s or 0) > LONGEST_RETRY_AFTER_S:
            error += f" (asked to wait {failure.retry_after_s:,.0f} s)"
        if failure.is_transient or not self._has_succeeded:
            self._n_failed_in_row += 1
        if self._n_failed_in_row >= max(_LEAST_FAILURES_IN_A_ROW, 2 * self.n_slots):
            raise EndpointError(
                f"{self._n_failed_in_row} requests in a row failed at {shown_url(client.base_url)}; the last: {error}. "
                f"{_advice(failure)}Everything received is in the cache; run again when the endpoint answers."
            )
        self.outcomes.put([Outcome(job, error=error)])

    async def _store(self, job: Job, reply: CachedReply, reservation: int | None) -> None:
        """Hand the reply to the writer and wait until it is on the disk."""
        stored: asyncio.Future[None] = self._loop.create_future()

        def committed(error: CacheError | None) -> None:
            self._committed.append(Outcome(job, reply) if error is None else Outcome(job, fatal=error))
            self._stored.append(stored)

        also = ((_DELETE_RESERVATION, [(reservation,)]),) if reservation is not None else ()
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


def _advice(failure: CallFailed) -> str:
    """What to set against a failure, if anything."""
    if failure.is_turned_away:
        return f"{_ABOUT_LIMITS}. "
    if failure.kind == "timeout":
        return "TACOS_REQUEST_TIMEOUT_S is the patience with one call; TACOS_MAX_CONCURRENCY=1 asks one at a time. "
    return ""


def _resolve(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():  # a cancelled slot waits no more
            future.set_result(None)
