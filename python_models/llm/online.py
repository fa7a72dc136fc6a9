"""Asking by ordinary requests: the thread that iterates reads work and cache and parses, the sender's thread sends."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

from python_models.llm.answers import Answer, evaluate
from python_models.llm.invalid_reply import InvalidReply
from python_models.llm.jobs import Job, Outcome
from python_models.llm.lookup import Item, Lookup
from python_models.llm.request import ChatRequest
from python_models.llm.sender import Sender
from python_models.llm.session import Session
from python_models.llm.streak import FailureStreak

T = TypeVar("T")

# Items looked up in the cache at once.
CHUNK = 256
_SECONDS_PER_LOOK = 0.5


class OnlineRun(Generic[T]):
    """One run over ordinary requests.

    Args:
        lookup: answers from the cache.
        session: opens the endpoint when it is needed.
        max_attempts: new attempts per item.
    """

    def __init__(self, lookup: Lookup[T], session: Session, max_attempts: int) -> None:
        self._lookup = lookup
        self._session = session
        self._max_attempts = max_attempts
        self._sender: Sender | None = None
        self._in_flight: dict[str, Item] = {}
        self._n_waiting = 0
        self._streak = FailureStreak(session.stage)

    def answers(self, work: Iterable[tuple[str, ChatRequest]]) -> Iterator[Answer[T]]:
        """Yield one answer per item of the work."""
        items = iter(work)
        is_exhausted = False
        while not is_exhausted or self._in_flight:
            has_room = not is_exhausted and self._n_waiting < self._window()
            if has_room:
                chunk = list(islice(items, CHUNK))
                is_exhausted = len(chunk) < CHUNK
                yield from self._look_up(chunk)
            yield from self._receive(is_blocking=not has_room or is_exhausted)
            self._session.show()
        self._session.end()

    def _window(self) -> int:
        """How many items may wait for replies before no more work is read."""
        return 4 * (self._sender.n_slots if self._sender is not None else self._session.settings.max_concurrency)

    def _look_up(self, chunk: list[tuple[str, ChatRequest]]) -> Iterator[Answer[T]]:
        """Answer a chunk from the cache; what is not there joins an equal request in flight or is sent."""
        items: dict[str, Item] = {}
        for item_id, request in chunk:
            key = request.key(1)
            same = self._in_flight.get(key) or items.get(key)
            if same is None:
                items[key] = Item(key, request, [item_id], key=key)
                continue
            same.item_ids.append(item_id)
            if key in self._in_flight:
                self._n_waiting += 1
        missing = self._session.own((yield from self._lookup.answer_from_cache(list(items.values()))))
        if missing and self._sender is None:
            if self._session.open():  # another run was sending meanwhile: its replies need not be paid again
                missing = yield from self._lookup.answer_from_cache(missing)
            self._sender = self._session.start_sender()
        for item in missing:
            self._in_flight[item.first_key] = item
            self._n_waiting += len(item.item_ids)
        self._send(missing)

    def _send(self, items: list[Item]) -> None:
        if items and self._sender is not None:
            self._session.look_at({item.request.model for item in items})
            for item in items:
                item.n_new += 1
            self._sender.submit(
                [Job(item.key, item.request, item.attempt, item.first_key, item.n_new > 1) for item in items]
            )

    def _receive(self, is_blocking: bool) -> Iterator[Answer[T]]:
        """Yield answers for what has come back; wait for something if asked to and something is under way."""
        if self._sender is None or not self._in_flight:
            return
        outcomes = self._next_outcomes(is_blocking)
        while outcomes is not None:
            again: list[Item] = []
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
                self._session.show()

    def _settle(self, outcome: Outcome, again: list[Item]) -> Iterator[Answer[T]]:
        """Yield the answers of an outcome, or put its item down for another attempt."""
        if outcome.job is None:
            return
        item = self._in_flight[outcome.job.first_key]
        self._session.progress.n_calls += 1
        if outcome.reply is None:
            self._forget(item)
            yield from self._lookup.fail(item, outcome.error or "unknown")
            return
        try:
            value = evaluate(outcome.reply, self._lookup.parse)
        except InvalidReply as error:
            item.last = outcome.reply
            if error.kind == "truncated" and self._sender is not None:
                self._sender.rooms.count_cut(outcome.job.request, outcome.job.attempt)
            if item.n_new < self._max_attempts:
                self._lookup.next_attempt(item)
                again.append(item)
            else:
                self._forget(item)
                yield from self._lookup.fail(item, str(error))
                self._streak.failed(str(error))
        else:
            self._streak.succeeded()
            self._forget(item)
            yield from self._lookup.succeed(item, outcome.reply, value)

    def _forget(self, item: Item) -> None:
        del self._in_flight[item.first_key]
        self._n_waiting -= len(item.item_ids)
