"""What the tests of the llm package share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_endpoint import FakeEndpoint

from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.engine import Answer, ask
from python_models.llm.replies import parse_scores, parse_tags
from python_models.llm.request import ChatRequest
from python_models.settings import LlmSettings

SECRET = "sk-test-0123456789abcdef"

TAG_SCHEMA = {
    "type": "object",
    "properties": {
        "tags": {
            "type": "array",
            "items": {"type": "object", "properties": {"tag": {"type": "string"}}, "required": ["tag"]},
        }
    },
    "required": ["tags"],
    "additionalProperties": False,
}
SCORE_SCHEMA = {
    "type": "object",
    "properties": {"first_score": {"type": "integer"}, "second_score": {"type": "integer"}},
    "required": ["first_score", "second_score"],
    "additionalProperties": False,
}


def tag_request(text: str, model: str = "gpt-4o-mini", max_tokens: int | None = 100) -> ChatRequest:
    """A tagging request."""
    parameters: dict[str, Any] = {"temperature": 0}
    if max_tokens is not None:
        parameters["max_tokens"] = max_tokens
    messages = ({"role": "system", "content": "Name the intentions."}, {"role": "user", "content": text})
    return ChatRequest(model, messages, parameters, TAG_SCHEMA, "tags")


def judge_request(text: str) -> ChatRequest:
    """A judging request."""
    messages = ({"role": "system", "content": "Score both."}, {"role": "user", "content": text})
    return ChatRequest("gpt-4o-mini", messages, {"temperature": 0, "max_tokens": 64}, SCORE_SCHEMA, "scores")


def tagging_work(n_items: int, start: int = 0) -> Iterator[tuple[str, ChatRequest]]:
    """So many different tagging requests."""
    for number in range(start, start + n_items):
        yield f"item-{number}", tag_request(f"Do thing number {number}.")


class Opened:
    """An endpoint's opener that counts how often it was opened and closed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.n_opened = 0
        self.n_closed = 0

    @contextmanager
    def __call__(self) -> Iterator[Endpoint]:
        self.n_opened += 1
        try:
            yield self.endpoint
        finally:
            self.n_closed += 1


def run(
    server: FakeEndpoint | Endpoint | Opened,
    folder: Path,
    work: Iterable[tuple[str, ChatRequest]],
    parse: Callable[[str], Any] = parse_tags,
    *,
    max_attempts: int = 3,
    ask_failed_again: bool = True,
    **limits: Any,
) -> list[Answer[Any]]:
    """Ask about all items, with the cache ``cache.sqlite`` of the folder."""
    if isinstance(server, FakeEndpoint):
        server = Endpoint((server.base_url,), SECRET)
    opened = server if isinstance(server, Opened) else Opened(server)
    settings = LlmSettings(**{"max_concurrency": 16, "request_timeout_s": 10.0, **limits})
    return list(
        ask(
            "tagging" if parse is parse_tags else "judging",
            work,
            parse,
            open_endpoint=opened,
            cache_path=folder / "cache.sqlite",
            settings=settings,
            max_attempts=max_attempts,
            ask_failed_again=ask_failed_again,
        )
    )


__all__ = ["SECRET", "Opened", "judge_request", "parse_scores", "parse_tags", "run", "tag_request", "tagging_work"]
