"""From requests to answers: what the cache knows, what a reply is worth, and what an item becomes in the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

from python_models.llm.answer_text import InvalidReply, begins_with_json
from python_models.llm.cache.recovery import attempts_to_skip
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.endpoint.completion import REASONING_ONLY, TOOL_CALLS
from python_models.llm.progress import Progress
from python_models.llm.request import ChatRequest

T = TypeVar("T")

# Finish reasons in lower case, as OpenAI, Gemini and others call them.
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})
_REFUSED = frozenset(
    {"content_filter", "safety", "prohibited_content", "recitation", "blocklist", "spii", "sensitive", "refusal"}
)
_NO_ANSWER = {
    TOOL_CALLS: ("tool_call", "the model called a tool instead of answering"),
    REASONING_ONLY: ("reasoning_only", "the model reasoned and then gave no answer"),
}


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one item.

    Attributes:
        item_id: as given with the work.
        value: the parsed reply, None if there is no usable one.
        raw_reply: the last reply as received, None if there is none.
        error: None, or what went wrong, beginning with its kind: ``invalid_json: ...``, ``truncated: ...``,
            ``refused: ...``, ``empty_reply: ...``, ``tool_call: ...``, ``reasoning_only: ...``, ``http_500: ...``,
            ``bad_response: ...``, ``timeout: ...``, ``connection: ...``.
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


def evaluate(reply: CachedReply, parse: Callable[[str], T]) -> T:
    """Read a reply, or raise InvalidReply with what is wrong with it."""
    text = reply.text or ""
    finish_reason = (reply.finish_reason or "none").partition(":")[0].strip().lower()
    if reply.refusal or finish_reason in _REFUSED:
        raise InvalidReply("refused", (reply.refusal or reply.finish_reason or "")[:200])
    if finish_reason in _CUT and not begins_with_json(text):
        n_tokens = reply.n_completion_tokens or "too many"
        raise InvalidReply("truncated", f"the reply was cut after {n_tokens} tokens; the next attempt has more room")
    if finish_reason == "error":
        raise InvalidReply("bad_response", "the reply ended with an error")
    if not text.strip():
        raise InvalidReply(*_NO_ANSWER.get(finish_reason, ("empty_reply", f"finish reason {reply.finish_reason!r}")))
    try:
        return parse(text)
    except RecursionError:
        raise InvalidReply("invalid_json", "nested too deep") from None


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
