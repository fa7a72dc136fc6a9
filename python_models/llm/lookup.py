"""From requests to answers: what the cache knows, and at which attempt an item stands."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from python_models.llm.answers import Answer, evaluate
from python_models.llm.cache.recovery import attempts_to_skip
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.invalid_reply import InvalidReply
from python_models.llm.progress import Progress
from python_models.llm.request import ChatRequest

T = TypeVar("T")


@dataclass(slots=True)
class Item:
    """A request and everyone who waits for its reply.

    Attributes:
        first_key: key of its first attempt.
        request: what is asked.
        item_ids: who waits.
        attempt, key: the attempt at which it stands, and its cache key.
        n_new: attempts made in this run.
        last: its last unusable reply.
    """

    first_key: str
    request: ChatRequest
    item_ids: list[str]
    attempt: int = 1
    n_new: int = 0
    key: str = ""
    last: CachedReply | None = None


@dataclass
class Lookup(Generic[T]):
    """Answers items from the cache and counts them.

    Attributes:
        cache: the open cache.
        parse: reads a reply, or raises InvalidReply.
        ask_failed_again: whether items whose replies were all unusable are asked again, or stay failed.
        progress: where answers are counted.
    """

    cache: ResponseCache
    parse: Callable[[str], T]
    ask_failed_again: bool
    progress: Progress

    def answer_from_cache(self, items: list[Item]) -> Generator[Answer[T], None, list[Item]]:
        """Yield what the cache answers; return the items whose next attempt is not there."""
        missing: list[Item] = []
        while items:
            found = self.cache.get_many([item.key for item in items])
            unusable: list[Item] = []
            for item in items:
                reply = found.get(item.key)
                if reply is None and item.attempt == 1:
                    reply = self._later_reply(item)
                if reply is None:
                    if item.last is not None and not self.ask_failed_again:
                        yield from self.fail_unusable(item)
                    else:
                        missing.append(item)
                    continue
                try:
                    value = evaluate(reply, self.parse)
                except InvalidReply:
                    item.last = reply
                    self.next_attempt(item)
                    unusable.append(item)
                else:
                    yield from self.succeed(item, reply, value)
            items = unusable
        return missing

    def _later_reply(self, item: Item) -> CachedReply | None:
        """The reply of a later attempt, whose unusable first ones were lost with an earlier cache file."""
        keys = {item.request.key(attempt): attempt for attempt in range(2, self._n_recovered + 1)}
        found = self.cache.get_many(list(keys)) if keys else {}
        for key, attempt in keys.items():
            if key in found:
                item.key, item.attempt = key, attempt
                return found[key]
        return None

    @cached_property
    def _n_recovered(self) -> int:
        return attempts_to_skip(self.cache)

    def unanswered(self, items: list[Item]) -> list[Item]:
        """The items at the attempt that is to be made next; those that the cache answers are left out."""
        missing: list[Item] = []
        while items:
            found = self.cache.get_many([item.key for item in items])
            unusable: list[Item] = []
            for item in items:
                reply = found.get(item.key)
                if reply is None:
                    missing.append(item)
                elif not self._is_usable(reply):
                    self.next_attempt(item)
                    unusable.append(item)
            items = unusable
        return missing

    def fail_unusable(self, item: Item) -> Iterator[Answer[T]]:
        """The answers of an item that stands at its next attempt, but is not asked again in this run."""
        if item.last is None:
            raise AssertionError("an item without an unusable reply cannot have used up its attempts")
        item.attempt, item.key = item.last.attempt, item.last.key
        return self.fail(item, self.why_unusable(item.last))

    def _is_usable(self, reply: CachedReply) -> bool:
        try:
            evaluate(reply, self.parse)
        except InvalidReply:
            return False
        return True

    def why_unusable(self, reply: CachedReply) -> str:
        """What is wrong with an unusable reply."""
        try:
            evaluate(reply, self.parse)
        except InvalidReply as error:
            return str(error)
        raise AssertionError("a usable reply was taken for an unusable one")

    @staticmethod
    def next_attempt(item: Item) -> None:
        """Turn to the next attempt of an item."""
        item.attempt += 1
        item.key = item.request.key(item.attempt)

    def succeed(self, item: Item, reply: CachedReply, value: T) -> Iterator[Answer[T]]:
        """The answers of an item whose reply is usable."""
        return self._answer(item, reply, value, None)

    def fail(self, item: Item, error: str) -> Iterator[Answer[T]]:
        """The answers of an item that failed."""
        self.progress.n_failed += len(item.item_ids)
        return self._answer(item, item.last, None, error)

    def _answer(self, item: Item, reply: CachedReply | None, value: T | None, error: str | None) -> Iterator[Answer[T]]:
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
