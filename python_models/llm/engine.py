"""Asking a model about many items: from the cache what is there, from the endpoint what is not, in bounded memory.

The thread that iterates reads the work and the cache and parses; the sender's thread talks to the endpoint; the
writer's thread commits. A reply is parsed only after its commit.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from python_models.llm.budget import Budget
from python_models.llm.cache import CachedReply, ResponseCache
from python_models.llm.endpoint import Endpoint
from python_models.llm.prices import read_prices
from python_models.llm.progress import Progress
from python_models.llm.replies import InvalidReply, is_complete_json
from python_models.llm.request import ChatRequest
from python_models.llm.sender import Job, Outcome, Sender
from python_models.llm.sending_lock import SendingLock
from python_models.settings import LlmSettings
from python_models.settings import cache_path as configured_cache_path

T = TypeVar("T")

# Items looked up in the cache at once.
_CHUNK = 256
_SECONDS_PER_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one item.

    Attributes:
        item_id: as given with the work.
        value: the parsed reply, None if there is no usable one.
        raw_reply: the last reply as received, None if there is none.
        error: None, or what went wrong: ``invalid_json: ...``, ``truncated``, ``refused: ...``, ``empty_reply``,
            ``http_500: ...``, ``timeout: ...``, ``connection: ...``.
        n_attempts: number of the last attempt, counted over all runs.
        model_name, request_key: the model that was asked, and the cache key of the last attempt.
        n_prompt_tokens, n_completion_tokens: of the last reply, as the endpoint counted them.
        is_cached: whether no call was made for it in this run.
        latency_ms: milliseconds of the call that brought the reply.
        requested_at: when that call was made, in UTC; None if no reply was ever received.
    """

    item_id: str
    value: T | None
    raw_reply: str | None
    error: str | None
    n_attempts: int
    model_name: str
    request_key: str
    n_prompt_tokens: int | None
    n_completion_tokens: int | None
    is_cached: bool
    latency_ms: float | None
    requested_at: datetime | None


def ask(
    stage: str,
    work: Iterable[tuple[str, ChatRequest]],
    parse: Callable[[str], T],
    *,
    open_endpoint: Callable[[], AbstractContextManager[Endpoint]],
    cache_path: Path | None = None,
    settings: LlmSettings | None = None,
    max_attempts: int = 3,
    n_total: int | None = None,
    ask_failed_again: bool | None = None,
) -> Generator[Answer[T], None, None]:
    """Ask about every item of the work and yield one Answer per item, in the order in which they are ready.

    An unusable reply is asked for again as the next attempt, at most ``max_attempts`` new ones per run; attempts are
    numbered over all runs, and each has its own entry in the cache. So a later run asks again only for items that
    failed: those without a reply at the same attempt, those with unusable ones at the next.

    Args:
        stage: name for the progress line and the usage columns.
        work: pairs of an id and a request; read lazily, a few hundred ahead.
        parse: reads a reply; raises InvalidReply where it cannot be used.
        open_endpoint: opened on the first request that is not in the cache, so that a run from the cache needs
            neither server nor key.
        cache_path: the cache file, by default the configured one.
        settings: limits, by default those of the environment.
        max_attempts: new attempts per item and run.
        n_total: number of items, for the progress line.
        ask_failed_again: False replays what is in the cache: items with unusable replies stay failed. By default as
            the settings say.

    Raises:
        EndpointError: the endpoint cannot be used. Everything received is in the cache.
        SpendingLimitReached, PriceError: the spending limit ends the run. Everything received is in the cache.
        CacheError: the cache file cannot be used.
    """
    if max_attempts < 1:
        raise ValueError(f"max_attempts must be at least 1, but it is {max_attempts}.")
    settings = settings or LlmSettings.from_environment()
    run = _Run(
        stage=stage,
        parse=parse,
        open_endpoint=open_endpoint,
        cache_path=cache_path or configured_cache_path(),
        settings=settings,
        max_attempts=max_attempts,
        ask_failed_again=settings.ask_failed_again if ask_failed_again is None else ask_failed_again,
        progress=Progress(stage, n_total),
    )
    return run.answers(iter(work))


def evaluate(reply: CachedReply, parse: Callable[[str], T]) -> T:
    """Read a reply, or raise InvalidReply with what is wrong with it."""
    text = reply.text or ""
    if reply.refusal or reply.finish_reason == "content_filter":
        raise InvalidReply("refused", (reply.refusal or "content_filter")[:200])
    if reply.finish_reason == "length" and not is_complete_json(text):
        raise InvalidReply("truncated", f"the reply was cut after {reply.n_completion_tokens or 'too many'} tokens")
    if not text.strip():
        raise InvalidReply("empty_reply")
    return parse(text)


@dataclass(slots=True)
class _Item:
    """A request under way and everyone who waits for it."""

    first_key: str
    request: ChatRequest
    item_ids: list[str]
    attempt: int = 1
    n_new: int = 0
    key: str = ""
    last: CachedReply | None = None


@dataclass
class _Run(Generic[T]):
    stage: str
    parse: Callable[[str], T]
    open_endpoint: Callable[[], AbstractContextManager[Endpoint]]
    cache_path: Path
    settings: LlmSettings
    max_attempts: int
    ask_failed_again: bool
    progress: Progress
    _stack: ExitStack = field(default_factory=ExitStack)
    _sender: Sender | None = None
    _budget: Budget | None = None
    _in_flight: dict[str, _Item] = field(default_factory=dict)
    _n_waiting: int = 0

    def answers(self, work: Iterator[tuple[str, ChatRequest]]) -> Generator[Answer[T], None, None]:
        """Yield the answers; see ask."""
        with self._stack:
            self._stack.callback(self.progress.close)
            self._cache = self._stack.enter_context(ResponseCache(self.cache_path))
            is_exhausted = False
            while not is_exhausted or self._in_flight:
                has_room = not is_exhausted and self._n_waiting < self._window()
                if has_room:
                    chunk = list(islice(work, _CHUNK))
                    is_exhausted = len(chunk) < _CHUNK
                    yield from self._look_up(chunk)
                yield from self._receive(is_blocking=not has_room or is_exhausted)
                self.progress.update(self._budget.known_spent_usd if self._budget else None)

    def _window(self) -> int:
        """How many items may wait for replies before no more work is read."""
        n_slots = self._sender.n_slots if self._sender is not None else self.settings.max_concurrency
        return 4 * n_slots

    def _look_up(self, chunk: list[tuple[str, ChatRequest]]) -> Iterator[Answer[T]]:
        """Answer a chunk from the cache; what is not there joins an equal request in flight or is sent."""
        items: dict[str, _Item] = {}
        for item_id, request in chunk:
            key = request.key(1)
            same = self._in_flight.get(key) or items.get(key)
            if same is not None:
                same.item_ids.append(item_id)
                if key in self._in_flight:
                    self._n_waiting += 1
            else:
                items[key] = _Item(key, request, [item_id], key=key)
        missing = yield from self._answer_from_cache(list(items.values()))
        if missing and self._sender is None and self._open_sender():
            # Another run was sending meanwhile: its replies need not be paid again.
            missing = yield from self._answer_from_cache(missing)
        for item in missing:
            self._in_flight[item.first_key] = item
            self._n_waiting += len(item.item_ids)
        self._send(missing)

    def _answer_from_cache(self, items: list[_Item]) -> Generator[Answer[T], None, list[_Item]]:
        """Yield what the cache answers; return the items whose next attempt is not there."""
        missing: list[_Item] = []
        while items:
            found = self._cache.get_many([item.key for item in items])
            unusable: list[_Item] = []
            for item in items:
                reply = found.get(item.key)
                if reply is None:
                    if item.last is not None and not self.ask_failed_again:
                        item.attempt, item.key = item.last.attempt, item.last.key
                        yield from self._fail(item, self._why_unusable(item.last))
                    else:
                        missing.append(item)
                    continue
                try:
                    value = evaluate(reply, self.parse)
                except InvalidReply:
                    item.last = reply
                    self._next_attempt(item)
                    unusable.append(item)
                else:
                    yield from self._succeed(item, reply, value)
            items = unusable
        return missing

    def _why_unusable(self, reply: CachedReply) -> str:
        try:
            evaluate(reply, self.parse)
        except InvalidReply as error:
            return str(error)
        raise AssertionError("a usable reply was taken for an unusable one")

    @staticmethod
    def _next_attempt(item: _Item) -> None:
        item.attempt += 1
        item.key = item.request.key(item.attempt)

    def _open_sender(self) -> bool:
        """Get ready to send; returns whether another run had to be waited for."""
        lock = SendingLock(self.cache_path)
        has_waited = lock.acquire()
        self._stack.callback(lock.release)
        self._stack.callback(self._cache.flush)  # the next run may look things up as soon as the lock is free
        endpoint = self._stack.enter_context(self.open_endpoint())
        self._budget = Budget(self.settings.max_cost_usd, read_prices(), self._cache, is_free=endpoint.is_free)
        self._sender = Sender(self.stage, endpoint, self.settings, self._budget, self._cache.writer)
        self._stack.callback(self._sender.close)
        return has_waited

    def _send(self, items: list[_Item]) -> None:
        if not items:
            return
        if self._sender is None:
            raise AssertionError("nothing may be sent before the endpoint is open")
        for item in items:
            item.n_new += 1
        self._sender.submit([Job(item.key, item.request, item.attempt, item.first_key) for item in items])

    def _receive(self, is_blocking: bool) -> Iterator[Answer[T]]:
        """Yield answers for what has come back; wait for something if asked to and something is under way."""
        if self._sender is None or not self._in_flight:
            return
        outcomes = self._next_outcomes(is_blocking)
        while outcomes is not None:
            again: list[_Item] = []
            for outcome in outcomes:
                if outcome.fatal is not None:
                    raise outcome.fatal
                yield from self._settle(outcome, again)
            self._send(again)
            outcomes = self._next_outcomes(is_blocking=False)

    def _next_outcomes(self, is_blocking: bool) -> list[Outcome] | None:
        if self._sender is None:
            return None
        while True:
            try:
                return self._sender.outcomes.get(is_blocking, _SECONDS_PER_LOOK if is_blocking else None)
            except queue.Empty:
                if not is_blocking:
                    return None
                self.progress.update(self._budget.known_spent_usd if self._budget else None)

    def _settle(self, outcome: Outcome, again: list[_Item]) -> Iterator[Answer[T]]:
        """Yield the answers of an outcome, or put its item down for another attempt."""
        if outcome.job is None:
            return
        item = self._in_flight[outcome.job.first_key]
        self.progress.n_calls += 1
        if outcome.reply is None:
            self._forget(item)
            yield from self._fail(item, outcome.error or "unknown")
            return
        try:
            value = evaluate(outcome.reply, self.parse)
        except InvalidReply as error:
            item.last = outcome.reply
            if item.n_new < self.max_attempts:
                self._next_attempt(item)
                again.append(item)
            else:
                self._forget(item)
                yield from self._fail(item, str(error))
        else:
            self._forget(item)
            yield from self._succeed(item, outcome.reply, value)

    def _forget(self, item: _Item) -> None:
        del self._in_flight[item.first_key]
        self._n_waiting -= len(item.item_ids)

    def _succeed(self, item: _Item, reply: CachedReply, value: T) -> Iterator[Answer[T]]:
        return self._answer(item, reply, value, None)

    def _fail(self, item: _Item, error: str) -> Iterator[Answer[T]]:
        self.progress.n_failed += len(item.item_ids)
        return self._answer(item, item.last, None, error)

    def _answer(
        self, item: _Item, reply: CachedReply | None, value: T | None, error: str | None
    ) -> Iterator[Answer[T]]:
        is_cached = item.n_new == 0
        self.progress.n_done += len(item.item_ids)
        self.progress.n_cached += len(item.item_ids) if is_cached else 0
        for item_id in item.item_ids:
            yield Answer(
                item_id=item_id,
                value=value,
                raw_reply=reply.text if reply else None,
                error=error,
                n_attempts=item.attempt,
                model_name=item.request.model,
                request_key=item.key,
                n_prompt_tokens=reply.n_prompt_tokens if reply else None,
                n_completion_tokens=reply.n_completion_tokens if reply else None,
                is_cached=is_cached,
                latency_ms=reply.latency_ms if reply else None,
                requested_at=reply.requested_at if reply else None,
            )
