"""What a reply is worth, and what an item becomes in the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from python_models.llm.answer_text import begins_with_json
from python_models.llm.cache.rows import CachedReply
from python_models.llm.endpoint.completion import REASONING_ONLY, TOOL_CALLS
from python_models.llm.invalid_reply import InvalidReply

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


class Answer(NamedTuple, Generic[T]):
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
