"""One call to the endpoint: send, classify what comes back, read the reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from python_models.llm.cache.rows import CachedReply, now_us
from python_models.llm.endpoint.body import BodyRefused
from python_models.llm.endpoint.completion import error_of, read_completion, words_of
from python_models.llm.endpoint.dialect import Dialect, dialect_of, refused_effort, room_that_fits
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.endpoint.failures import AskDifferently, CallFailed, Failures
from python_models.llm.endpoint.pace import Pace
from python_models.llm.endpoint.wire import Received, Wire
from python_models.llm.errors import EndpointError
from python_models.llm.request import LENGTH_LIMITS, ChatRequest

MOST_TIMEOUTS = 4
"""While an address answers others, a call that waits in its queue is given up after so many times the timeout only."""
_LEAST_ROOM = 64
"""Tokens: in less, no answer can be hoped for."""


class ChatClient:
    """A client of one base URL, used within one event loop.

    Args:
        endpoint: gives the key.
        base_url: one of the endpoint's addresses.
        timeout_s: seconds of silence after which a call is given up: neither its reply nor one to another call.
        max_connections: calls in flight at once, at most.

    Attributes:
        pace: how many calls may go, and when; kept by who calls.
    """

    def __init__(self, endpoint: Endpoint, base_url: str, timeout_s: float, max_connections: int) -> None:
        self.base_url = base_url
        self._endpoint = endpoint
        self._failures = Failures(endpoint, base_url)
        self._timeout_s = timeout_s
        self.pace = Pace(max_connections, timeout_s)
        silence_s = MOST_TIMEOUTS * timeout_s
        self._wire = Wire(base_url, endpoint.api_key, silence_s, timeout_s, max_connections)

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.close()

    async def ask(self, stage: str, request: ChatRequest, attempt: int, key: str, level: int = 0) -> CachedReply:
        """Make one call, in the dialect of the endpoint; ``level`` is the least format level.

        Raises:
            AskDifferently: the endpoint refused the form of the request.
            CallFailed: no reply.
            EndpointError: the endpoint cannot be used at all.
        """
        dialect = dialect_of(self.base_url, request.model)
        level = max(level, dialect.format_level) if request.reply_schema is not None else 0
        body = dialect.body(request, attempt, level)
        requested_at_us, started = now_us(), time.perf_counter()
        payload, failure = await self._try(dialect, body, level)
        if failure is not None:
            raise failure  # out here, so that the client's error, which may repeat the key, is not attached to it
        reply = self._read(payload, stage, request, attempt, key, requested_at_us, time.perf_counter() - started)
        if request.reply_schema is not None:
            dialect.accepted_level = level
            dialect.format_level = max(dialect.format_level, level)
        return reply

    async def _try(self, dialect: Dialect, body: dict[str, Any], level: int) -> tuple[Any, Exception | None]:
        """One call: what came, or what is wrong. A prompt that leaves less room for the reply is sent once more so."""
        is_shortened = False
        while True:
            received = await self._post(body)
            status = received.status
            if 200 <= status < 300:
                return self._payload(received), None
            error = error_of(_json_or_text(received))
            if error.get("code") == "json_validate_failed":  # Groq: the model wrote something, but not what was wanted
                return _written_in_vain(error), None
            fits = room_that_fits(body, words_of(error)) if status in {400, 413, 422} else None
            if fits is not None and fits >= _LEAST_ROOM and not is_shortened and "context" in words_of(error):
                body = {name: min(value, fits) if name in LENGTH_LIMITS else value for name, value in body.items()}
                is_shortened = True
                continue
            failure = self._failures.of_status(status, received.headers, error, received.text)
            if isinstance(failure, EndpointError) or failure.kind == "refused":
                return None, failure
            if status in {400, 422, 500} and self._learn(dialect, body, level, status, error):
                return None, AskDifferently(dialect.format_level)
            if status in {400, 415, 422, 501} and self._may_try_next_format(dialect, body, level):
                # An endpoint that says nothing useful may still dislike the format, as long as it never took it.
                return None, AskDifferently(level + 1)
            return None, failure

    async def _post(self, body: dict[str, Any]) -> Received:
        try:
            async with self._patience():
                received = await self._wire.post(body)
        except (aiohttp.ClientError, OSError, BodyRefused) as error:
            raise self._failures.of_error(error, self._timeout_s) from None
        self.pace.learn(received.headers)
        return received

    def _payload(self, received: Received) -> Any:
        """The JSON of a response that says it went well."""
        try:
            return received.json()
        except RecursionError:
            raise CallFailed("bad_response", "JSON nested too deep", may_be_paid=True) from None
        except ValueError:
            detail = self._failures.clean(received.text)
            raise CallFailed("bad_response", f"not JSON: {detail}", is_transient=True, may_be_paid=True) from None

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Give up after the timeout, counted from the last reply to any call: the others wait in the same queue."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        watch: asyncio.TimerHandle
        async with asyncio.timeout(None) as timeout:

            def look() -> None:
                nonlocal watch
                due = max(started, min(self.pace.last_success_at, started + (MOST_TIMEOUTS - 1) * self._timeout_s))
                if due + self._timeout_s > loop.time():
                    watch = loop.call_at(due + self._timeout_s, look)
                else:
                    timeout.reschedule(loop.time())

            watch = loop.call_later(self._timeout_s, look)
            try:
                yield
            finally:
                watch.cancel()

    def _learn(self, dialect: Dialect, body: dict[str, Any], level: int, status: int, error: dict[str, Any]) -> bool:
        parameter = error.get("param") if isinstance(error.get("param"), str) else None
        words = words_of(error)
        effort = refused_effort(body, words, parameter)
        if effort is not None:
            said = self._failures.clean(str(error.get("message")))
            raise EndpointError(
                f"The model {body['model']} does not take the reasoning effort {effort!r} ({said}). Set "
                "TACOS_TAGGING_EFFORT or TACOS_JUDGE_EFFORT to one that it takes, or to nothing to leave it to the "
                "model."
            )
        fits = room_that_fits(body, words)
        if fits is not None and "context" not in words:  # in a context, the room depends on the prompt
            dialect.most_reply_tokens = min(fits, dialect.most_reply_tokens or fits)
            return True
        return dialect.learn(body, level, words, parameter, is_server_error=status >= 500)

    @staticmethod
    def _may_try_next_format(dialect: Dialect, body: dict[str, Any], level: int) -> bool:
        return "response_format" in body and (dialect.accepted_level is None or dialect.accepted_level > level)

    def _read(
        self,
        payload: Any,
        stage: str,
        request: ChatRequest,
        attempt: int,
        key: str,
        requested_at_us: int,
        seconds: float,
    ) -> CachedReply:
        try:
            reply = read_completion(payload, stage, request.model, attempt, key, requested_at_us, seconds * 1000)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise self._failures.in_body(payload) from None
        text = self._endpoint.hide_secrets(reply.text) if reply.text else reply.text
        if text is not reply.text or self._endpoint.is_free:
            reply = reply._replace(text=text, is_free=self._endpoint.is_free)
        return reply


def _json_or_text(received: Received) -> Any:
    try:
        return received.json()
    except (ValueError, RecursionError):
        return received.text


def _written_in_vain(error: dict[str, Any]) -> dict[str, Any]:
    """A completion with what a model wrote although it does not match the schema: it is read like any other reply."""
    is_cut = "max completion tokens" in str(error.get("message"))
    written = error.get("failed_generation")
    message = {"content": written if isinstance(written, str) else None}
    return {"choices": [{"message": message, "finish_reason": "length" if is_cut else "json_validate_failed"}]}
