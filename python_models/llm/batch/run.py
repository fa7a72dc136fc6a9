"""Asking through the batch API: rounds of batches, until every item has a usable reply or has failed.

Items that wait stand in a file, not in memory. After each round they are looked up in the cache like any others.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from python_models.llm.answers import Answer
from python_models.llm.batch import api
from python_models.llm.batch.api import Batches
from python_models.llm.batch.files import BatchFiles
from python_models.llm.batch.results import Failure
from python_models.llm.batch.service import TooManyTokensError
from python_models.llm.batch.spool import Spool
from python_models.llm.endpoint.dialect import FORMATS, Dialect, dialect_of
from python_models.llm.lookup import Item, Lookup
from python_models.llm.online import CHUNK, OnlineRun
from python_models.llm.request import ChatRequest
from python_models.llm.session import Session
from python_models.llm.streak import MOST_IN_A_ROW, FailureStreak

T = TypeVar("T")

FIRST_POLL_S = 5.0
LONGEST_POLL_S = 60.0
_SECONDS_PER_MESSAGE = 600.0
_MAX_FAILURES = 3
TRIAL_REQUESTS = MOST_IN_A_ROW
"""Requests of a first batch before a large rest: if the model is of no use, no more than these are paid for."""
TRIAL_FROM = 10 * TRIAL_REQUESTS


def answers_by_batch(
    work: Iterable[tuple[str, ChatRequest]], lookup: Lookup[T], session: Session, max_attempts: int
) -> Iterator[Answer[T]]:
    """Yield one answer per item of the work; what is not cached goes through the batch API."""
    with TemporaryDirectory(prefix="tacos-batch-") as folder:
        spool = Spool(Path(folder) / "0.jsonl")
        items, is_tried = iter(work), False
        while chunk := list(islice(items, CHUNK)):
            found = [Item(key := request.key(1), request, [item_id], key=key) for item_id, request in chunk]
            missing = yield from lookup.answer_from_cache(found)
            is_tried = is_tried or len(missing) < len(found)
            for item in session.own(missing):
                spool.write(item, item.attempt, 0)
            session.show()
        if not spool.n_items:
            spool.close()
            session.end()
            return
        session.open()
        if session.endpoint is None or session.endpoint.is_free:
            waiting = ((item_id, request) for item_id, request, _, _ in spool.read())
            yield from OnlineRun(lookup, session, max_attempts).answers(waiting)
            return
        with closing(Batches(session.stage, session.endpoint, session.settings, session.cache)) as batches:
            run = BatchRun(lookup, session, batches, max_attempts, Path(folder), is_tried=is_tried)
            yield from run.answers(spool)
        session.end()


class BatchRun:
    """Rounds of batches.

    Args:
        lookup: answers from the cache.
        session: open.
        batches: the endpoint's batch API.
        max_attempts: new attempts per item.
        folder: for files on their way.
        is_tried: whether the cache has answers of this work, so that a small batch first would only cost time.
    """

    def __init__(
        self,
        lookup: Lookup[Any],
        session: Session,
        batches: Batches,
        max_attempts: int,
        folder: Path,
        *,
        is_tried: bool,
    ) -> None:
        self._lookup = lookup
        self._session = session
        self._batches = batches
        self._max_attempts = max_attempts
        self._folder = folder
        self._files = BatchFiles(lookup, session, folder, self._dialect)
        self._streak = FailureStreak(session.stage)
        self._is_tried = is_tried

    def answers(self, spool: Spool) -> Iterator[Answer[Any]]:
        """Yield one answer per item of the spool."""
        n_round = 0
        spoken: dict[str, Dialect] = {}
        n_stored = self._batches.n_stored
        while True:
            failures = self._wait()  # at first for batches of an earlier run: their requests are not sent again
            if self._batches.n_stored > n_stored:
                for model, dialect in spoken.items():
                    self._dialect(model).accepted_level = dialect.format_level
            rest = Spool(self._folder / f"{n_round}-sorted.jsonl")
            yield from self._sort(spool, rest, failures, spoken)
            spool.close()
            spool = rest
            if not spool.n_items:
                spool.close()
                return
            n_round += 1
            self._session.look_at(self._models(spool))
            spoken = {model: copy.deepcopy(self._dialect(model)) for model in self._models(spool)}
            n_stored = self._batches.n_stored
            self._is_tried = self._is_tried or spool.n_items < TRIAL_FROM
            if not self._send(spool):
                raise self._files.limit_reached or AssertionError("nothing was left to send, but items wait")
            self._is_tried = True

    def _sort(
        self, spool: Spool, rest: Spool, failures: dict[str, Failure], spoken: dict[str, Dialect]
    ) -> Iterator[Answer[Any]]:
        """Yield what is decided; write what still waits to ``rest``."""
        waiting = spool.read()
        while chunk := list(islice(waiting, CHUNK)):
            begun: dict[str, tuple[int, int]] = {}
            items = []
            for item_id, request, first_attempt, n_failures in chunk:
                key = request.key(1)
                items.append(Item(key, request, [item_id], key=key, n_new=1))
                begun[item_id] = (first_attempt, n_failures)
            missing = yield from self._lookup.answer_from_cache(items)
            if len(missing) < len(items):
                self._is_tried = True
                self._streak.succeeded()
            for item in missing:
                first_attempt, n_failures = begun[item.item_ids[0]]
                failure = failures.get(item.key)
                if failure is not None and not self._learn(item, failure, spoken):
                    n_failures += 1
                    is_transient = failure.status in {0, 408, 409, 425, 429} or failure.status >= 500
                    if not is_transient or n_failures >= _MAX_FAILURES:
                        yield from self._lookup.fail(item, str(failure))
                        continue
                if item.last is not None and item.attempt > first_attempt:
                    self._streak.failed(self._lookup.why_unusable(item.last))  # before a further attempt is paid for
                if item.attempt - first_attempt >= self._max_attempts:
                    yield from self._lookup.fail_unusable(item)
                    continue
                rest.write(item, first_attempt, n_failures)
            self._session.show()

    def _learn(self, item: Item, failure: Failure, spoken: dict[str, Dialect]) -> bool:
        """Whether the refusal of a request was one of its form, and asking in another form makes sense."""
        if failure.status not in {400, 415, 422, 501}:
            return False
        dialect = self._dialect(item.request.model)
        before = spoken.get(item.request.model, dialect)
        body = before.body(item.request, item.attempt)
        if dialect.learn(body, before.format_level, failure.message, failure.parameter):
            return True
        if "response_format" in body and dialect.accepted_level is None and before.format_level + 1 < len(FORMATS):
            dialect.format_level = max(dialect.format_level, before.format_level + 1)
            return True
        return False

    def _send(self, spool: Spool) -> int:
        """Send what waits, as far as the spending limit allows; returns the number of requests sent."""
        n_sent = 0
        for path, entries in self._files.write(spool, self._most_requests):
            try:
                self._batches.submit(path, entries, keeps_reservations=self._session.settings.max_cost_usd is not None)
            except TooManyTokensError:
                if n_sent:
                    break  # when those before it are done, it may fit
                if len(entries) == 1:
                    raise
                return self._send(spool)  # in smaller batches
            self._session.count_spending()
            n_sent += len(entries)
            self._session.progress.n_calls += len(entries)
            if self._batches.n_too_many is not None or not self._is_tried:
                break  # the limit is one for all batches under way: one at a time; and a trial is alone
        return n_sent

    def _most_requests(self) -> int:
        """Requests per batch: the limit, or half of what had too many tokens; few in a trial."""
        n_too_many = self._batches.n_too_many
        most = api.MAX_REQUESTS if n_too_many is None else max(1, min(api.MAX_REQUESTS, n_too_many // 2))
        return most if self._is_tried else min(most, TRIAL_REQUESTS)

    def _wait(self) -> dict[str, Failure]:
        """Wait until no batch is under way; returns what failed."""
        failures: dict[str, Failure] = {}
        pause_s, said_at = FIRST_POLL_S, -_SECONDS_PER_MESSAGE
        while True:
            failed, n_open, n_done = self._batches.poll()
            failures.update(failed)
            self._session.count_spending()
            self._session.show()
            if not n_open:
                return failures
            if time.monotonic() - said_at > _SECONDS_PER_MESSAGE:
                said_at = time.monotonic()
                self._session.progress.say(
                    f"{self._session.stage}: {n_open} batches under way, {n_done:,} of their requests done. They are "
                    "written down: Ctrl-C is safe, the next run waits for them."
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_POLL_S)

    def _models(self, spool: Spool) -> set[str]:
        return {request.model for _, request, _, _ in spool.read()}

    def _dialect(self, model: str) -> Dialect:
        return dialect_of(self._session.endpoint.base_url if self._session.endpoint else "", model)
