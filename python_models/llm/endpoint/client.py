"""One call to the endpoint: send, classify what comes back, read the reply.

The openai client is used by its cheapest path (bytes in, plain response out, its aiohttp transport): building and
validating its typed objects costs more than everything else here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import openai

from python_models.llm.cache.response_cache import CachedReply, now_us
from python_models.llm.endpoint.body import ACCEPT_ENCODING, BodyRefused, bound_body
from python_models.llm.endpoint.dialect import Dialect, dialect_of
from python_models.llm.endpoint.endpoint import Endpoint, hide_bearer, shown_url
from python_models.llm.endpoint.pace import Pace
from python_models.llm.endpoint.retries import read_retry_after
from python_models.llm.endpoint.transport import trouble_of
from python_models.llm.errors import EndpointError
from python_models.llm.request import ChatRequest

_CONNECT_TIMEOUT_S = 10.0
MOST_TIMEOUTS = 4
"""While an address answers others, a call that waits in its queue is given up after so many times the timeout only."""
_LONGEST_DETAIL = 300
_TRANSIENT = frozenset({408, 409, 425, 429})
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "account_deactivated")

# One line per request at INFO would fill SQLMesh's log file.
logging.getLogger("httpx2").setLevel(logging.WARNING)


class CallFailed(Exception):  # noqa: N818 - it says what happened
    """One call brought no reply.

    Attributes:
        kind: ``http_500``, ``timeout``, ``connection``, ``bad_response``, ``refused``, ...
        detail: what the endpoint said, without secrets.
        is_transient: whether trying again makes sense.
        is_unreachable: there never was a connection.
        may_be_paid: whether the endpoint may have done the work.
        retry_after_s: seconds the endpoint asked to wait.
    """

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        is_transient: bool = False,
        is_unreachable: bool = False,
        may_be_paid: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail
        self.is_transient = is_transient
        self.is_unreachable = is_unreachable
        self.may_be_paid = may_be_paid
        self.retry_after_s = retry_after_s

    @property
    def is_turned_away(self) -> bool:
        """Whether it came too often or too early: all calls to the address have to wait."""
        return self.kind == "http_429" or (self.kind in {"http_503", "http_529"} and self.retry_after_s is not None)


class AskDifferently(Exception):  # noqa: N818 - it says what to do
    """The endpoint refused the form of a request; its dialect has changed, so ask again at once.

    Attributes:
        level: the format level to ask at (see ``dialect``).
    """

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.level = level


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
        self._timeout_s = timeout_s
        self.pace = Pace(max_connections, timeout_s)
        timeout = httpx2.Timeout(MOST_TIMEOUTS * timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s))
        limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        self.openai = openai.AsyncOpenAI(
            api_key=endpoint.api_key or "none",  # the client insists on one; endpoints without keys ignore it
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            default_headers={"Accept-Encoding": ACCEPT_ENCODING},
            http_client=openai.DefaultAioHttpClient(
                timeout=timeout, limits=limits, event_hooks={"response": [bound_body]}
            ),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.openai.close()

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
        failure: Exception | None = None
        payload = None
        try:
            payload = await self._post(body)
        except openai.APIStatusError as error:
            if error.status_code in {400, 422} and self._learn(dialect, body, level, error):
                failure = AskDifferently(dialect.format_level)
            elif error.status_code in {400, 415, 422, 501} and self._may_try_next_format(dialect, body, level):
                # An endpoint that says nothing useful may still dislike the format, as long as it never took it.
                failure = AskDifferently(level + 1)
            else:
                failure = self._status_failure(error.status_code, error.response, _error_of(error.body))
        if failure is not None:
            raise failure  # out here, so that the client's error, which may repeat the key, is not attached to it
        reply = self._read(payload, stage, request, attempt, key, requested_at_us, time.perf_counter() - started)
        if request.reply_schema is not None:
            dialect.accepted_level = level
            dialect.format_level = max(dialect.format_level, level)
        return reply

    async def _post(self, body: dict[str, Any]) -> Any:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        try:
            async with self._patience():
                response = await self.openai.post("/chat/completions", cast_to=httpx2.Response, content=content)
        except openai.APIStatusError as error:
            self.pace.learn(error.response.headers)
            raise
        except (openai.APIConnectionError, httpx2.HTTPError, OSError, aiohttp.ClientError, BodyRefused) as error:
            raise self._call_failed(error) from None
        self.pace.learn(response.headers)
        try:
            return json.loads(response.content)
        except RecursionError:
            raise CallFailed("bad_response", "JSON nested too deep", may_be_paid=True) from None
        except ValueError:
            detail = self._clean(response.text)
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

    def _call_failed(self, error: BaseException) -> CallFailed:
        trouble = trouble_of(error, self._timeout_s)
        return CallFailed(
            trouble.kind,
            self._clean(trouble.detail),
            is_transient=trouble.is_transient,
            is_unreachable=trouble.is_unreachable,
            may_be_paid=not trouble.is_unreachable,
        )

    def _learn(self, dialect: Dialect, body: dict[str, Any], level: int, error: openai.APIStatusError) -> bool:
        details = _error_of(error.body)
        parameter = details.get("param")
        message = f"{error.response.text} {details.get('code') or ''}"
        return dialect.learn(body, level, message, parameter if isinstance(parameter, str) else None)

    @staticmethod
    def _may_try_next_format(dialect: Dialect, body: dict[str, Any], level: int) -> bool:
        return "response_format" in body and (dialect.accepted_level is None or dialect.accepted_level > level)

    def _status_failure(self, status: int, response: httpx2.Response, details: dict[str, Any]) -> Exception:
        """What an HTTP error means: a failed call, or an endpoint that cannot be used."""
        said = self._clean(str(details.get("message") or response.text))
        code = str(details.get("code") or details.get("type") or "")
        where = shown_url(self.base_url)
        if status == 401:
            return EndpointError(f"{where} refuses the key (401: {said}). Set OPENAI_API_KEY for this OPENAI_BASE_URL.")
        if status == 402 or (status in {403, 429} and any(word in f"{code} {said}" for word in _NO_MONEY)):
            return EndpointError(f"The account at {where} cannot pay for requests ({status}: {said}).")
        if status == 403:
            return EndpointError(
                f"{where} forbids the request (403: {said}). See that the key of OPENAI_API_KEY may use this model."
            )
        if status in {404, 405}:
            return EndpointError(
                f"{where} knows no such address or model ({status}: {said}). See OPENAI_BASE_URL (it usually ends in "
                "/v1) and the model names TACOS_TAGGING_MODEL and TACOS_JUDGE_MODEL."
            )
        if status == 400 and "content_filter" in f"{code} {response.text}":
            return CallFailed("refused", f"content_filter: {said}")
        is_transient = status in _TRANSIENT or status >= 500
        retry_after_s = read_retry_after(response.headers, response.text)
        return CallFailed(f"http_{status}", said, is_transient=is_transient, retry_after_s=retry_after_s)

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
            details = _error_of(payload)
            said = self._clean(str(details.get("message") or _shown(payload)))
            raise CallFailed(
                "bad_response", f"no chat completion: {said}", is_transient=True, may_be_paid=not details
            ) from None
        text = self._endpoint.hide_secrets(reply.text) if reply.text else reply.text
        if text is not reply.text or self._endpoint.is_free:
            reply = reply._replace(text=text, is_free=self._endpoint.is_free)
        return reply

    def _clean(self, text: str) -> str:
        text = " ".join(hide_bearer(self._endpoint.hide_secrets(text)).split())
        return text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + "…"


def read_completion(
    payload: Any, stage: str, model: str, attempt: int, key: str, requested_at_us: int, latency_ms: float | None
) -> CachedReply:
    """Read a chat completion object into a row of the cache.

    Raises:
        KeyError, IndexError, TypeError, AttributeError: it is none.
    """
    choice = payload["choices"][0]
    message = choice["message"]
    text, refusal = message.get("content"), message.get("refusal")
    if isinstance(text, list):  # some endpoints answer in parts
        text = "".join(part.get("text") or "" for part in text)
    usage = payload.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return CachedReply(
        key=key,
        stage=stage,
        model=model,
        attempt=attempt,
        text=_storable(text),
        refusal=_storable(refusal),
        finish_reason=_storable(choice.get("finish_reason")),
        n_prompt_tokens=_count(usage.get("prompt_tokens")),
        n_cached_tokens=_count(details.get("cached_tokens")),
        n_completion_tokens=_count(usage.get("completion_tokens")),
        latency_ms=latency_ms,
        requested_at_us=requested_at_us,
    )


def _storable(text: object) -> str | None:
    """The text with lone surrogates replaced, which no UTF-8 file can hold."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"wanted a string, got {type(text).__name__}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _shown(payload: object) -> str:
    try:
        return json.dumps(payload)
    except RecursionError:
        return "nested too deep"


def _error_of(body: object) -> dict[str, Any]:
    """The error object of a reply: ``{"error": {...}}`` or the object itself; empty if there is none."""
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, str):
            return {"message": inner}
        return inner if isinstance(inner, dict) and ("message" in inner or "code" in inner) else {}
    return {}
