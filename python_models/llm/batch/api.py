"""The batch API: requests in a file, replies within a day, at half the price.

What is under way is written down in the cache file before the endpoint hears of it, under a token that goes along as
metadata. So a killed run finds its batches again, even one whose creation it did not live to see.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import httpx2
import openai

from python_models.llm.cache.response_cache import INSERT_REPLY, ResponseCache, now_us
from python_models.llm.cache.writer import Rows, Work
from python_models.llm.endpoint.completion import read_completion
from python_models.llm.endpoint.endpoint import Endpoint, hide_bearer, shown_url
from python_models.llm.errors import EndpointError
from python_models.settings import LlmSettings

T = TypeVar("T")

MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000
"""Limits of one batch file (OpenAI's guide to the batch API)."""

_TOO_MANY_TOKENS = "token_limit_exceeded"
LONGEST_WITHOUT_FILES_S = 3_600.0
"""So long a batch may be completed without naming a file of results."""

_FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
_LINES_PER_COMMIT = 500


class Entry(NamedTuple):
    """One request of a batch: its key, model and attempt, and the most that it can cost in tokens."""

    key: str
    model: str
    attempt: int
    n_prompt_tokens: int
    n_completion_tokens: int


class Failure(NamedTuple):
    """A request of a batch that brought no reply: HTTP status (0 for none), message, and the parameter it names."""

    status: int
    message: str
    parameter: str | None

    def __str__(self) -> str:
        kind = f"http_{self.status}" if self.status else "batch"
        return f"{kind}: {self.message}"


class RefusedError(EndpointError):
    """The endpoint said no: nothing was done and nothing paid."""


class TooManyTokensError(RefusedError):
    """The endpoint takes so many tokens at once, in all batches together, and a batch was larger.

    Attributes:
        n_requests: how many requests the batch had.
    """

    def __init__(self, message: str, n_requests: int) -> None:
        super().__init__(message)
        self.n_requests = n_requests


class Batches:
    """The batches of one endpoint and cache file.

    Args:
        stage: for the usage columns.
        endpoint: its first address is used.
        settings: timeout and retries.
        cache: where everything is written down.

    Attributes:
        n_stored: replies stored so far.
        n_too_many: requests of the smallest batch that had too many tokens for the endpoint, None if none had.
    """

    def __init__(self, stage: str, endpoint: Endpoint, settings: LlmSettings, cache: ResponseCache) -> None:
        self._stage = stage
        self._endpoint = endpoint
        self._cache = cache
        self.n_stored = 0
        self.n_too_many: int | None = None
        self._without_files_since: dict[str, float] = {}
        self._openai = openai.OpenAI(
            api_key=endpoint.api_key or "none",
            base_url=endpoint.base_url,
            timeout=settings.request_timeout_s,
            max_retries=settings.max_retries,
        )

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def submit(self, path: Path, entries: list[Entry], *, keeps_reservations: bool) -> None:
        """Send a file of requests as one batch.

        Args:
            path: JSONL of ``batch_line``.
            entries: what stands in the file.
            keeps_reservations: whether a spending limit is set, for which worst prices are written down.

        Raises:
            TooManyTokensError: the endpoint takes smaller batches only; nothing was sent.
            EndpointError: the batch could not be sent.
        """
        token = uuid.uuid4().hex
        base_url = shown_url(self._endpoint.base_url)
        row = (token, self._stage, base_url, len(entries), now_us())
        requests = [(bytes.fromhex(entry.key), token, entry.model, entry.attempt) for entry in entries]
        also: list[tuple[str, Rows]] = [
            ("INSERT INTO batch_requests (request_key, token, model, attempt) VALUES (?, ?, ?, ?)", requests)
        ]
        if keeps_reservations:
            reservations = [
                (bytes.fromhex(e.key), self._stage, e.model, e.n_prompt_tokens, e.n_completion_tokens, now_us())
                for e in entries
            ]
            insert = (
                "INSERT INTO reservations (request_key, stage, model, n_prompt_tokens, n_completion_tokens, is_batch,"
                " sent_at) VALUES (?, ?, ?, ?, ?, 1, ?)"
            )
            also.append((insert, reservations))
        insert = (
            "INSERT INTO batches (token, stage, base_url, n_requests, created_at, status)"
            " VALUES (?, ?, ?, ?, ?, 'open')"
        )
        self._cache.writer.submit(Work(insert, [row], tuple(also))).result()
        try:
            batch_id = self._create(path, token)
        except RefusedError as error:
            self._lose(token)
            if _TOO_MANY_TOKENS in str(error):
                self.n_too_many = min(self.n_too_many or len(entries), len(entries))
                raise TooManyTokensError(str(error), len(entries)) from None
            raise
        self._write("UPDATE batches SET batch_id = ? WHERE token = ?", (batch_id, token))

    def _create(self, path: Path, token: str) -> str:
        with path.open("rb") as file:
            uploaded = self._call(lambda: self._openai.files.create(file=file, purpose="batch"))
        batch = self._call(
            lambda: self._openai.batches.create(
                input_file_id=uploaded.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={"tacos": token},
            )
        )
        return batch.id

    def _lose(self, token: str) -> None:
        """Write down that a batch was never made, so that nothing was paid for it."""
        self._forget_reservations(token)
        self._write("UPDATE batches SET status = 'lost' WHERE token = ?", (token,))

    def open_tokens(self) -> list[tuple[str, str | None]]:
        """Token and batch id of all batches of this endpoint whose replies are not stored yet."""
        rows = self._cache.read(
            "SELECT token, batch_id FROM batches WHERE status = 'open' AND base_url = ? ORDER BY created_at, token",
            (shown_url(self._endpoint.base_url),),
        )
        return [(str(token), None if batch_id is None else str(batch_id)) for token, batch_id in rows]

    def find_again(self) -> None:
        """Find the ids of batches whose creation was not seen to its end, by their tokens."""
        unknown = {token for token, batch_id in self.open_tokens() if batch_id is None}
        if not unknown:
            return
        for batch in self._call(lambda: list(self._openai.batches.list(limit=100))):
            token = (batch.metadata or {}).get("tacos")
            if token in unknown:
                unknown.discard(token)
                self._write("UPDATE batches SET batch_id = ? WHERE token = ?", (batch.id, token))
        for token in unknown:
            self._lose(token)

    def poll(self) -> tuple[dict[str, Failure], int, int]:
        """Look at all open batches and store the replies of those that have ended.

        Returns:
            What failed, by key; how many batches are still open; how many of their requests are done.

        Raises:
            EndpointError: the endpoint refused a batch as a whole.
        """
        failures: dict[str, Failure] = {}
        n_open = n_done = 0
        for token, batch_id in self.open_tokens():
            if batch_id is None:
                continue
            about = f"the batch {batch_id}"
            batch = self._call(lambda batch_id=batch_id: self._openai.batches.retrieve(batch_id), about)  # type: ignore[misc]
            files = [file_id for file_id in (batch.output_file_id, batch.error_file_id) if file_id]
            if batch.status not in _FINAL or (
                batch.status == "completed" and not files and self._may_have_files(batch)
            ):
                n_open += 1
                n_done += batch.request_counts.completed if batch.request_counts else 0
                continue
            for file_id in files:
                self._collect(file_id, token, batch.created_at * 1_000_000, failures, about)
            self._settle(token, batch, failures)
        return failures, n_open, n_done

    def _may_have_files(self, batch: Any) -> bool:
        """Whether to wait for the files of a batch that is said to be completed."""
        since = self._without_files_since.setdefault(batch.id, time.monotonic())
        if time.monotonic() - since > LONGEST_WITHOUT_FILES_S:
            raise EndpointError(
                f"{shown_url(self._endpoint.base_url)} says that the batch {batch.id} is completed, but names no file "
                f"with its replies. See there, or give it up: tacos cache give-up-batch {batch.id}"
            )
        return True

    def _settle(self, token: str, batch: Any, failures: dict[str, Failure]) -> None:
        """A batch has ended and its replies are stored: write that down, and end the run if it ended badly.

        A request without a line in any file has failed, too: else it would be sent again and again.
        """
        where = shown_url(self._endpoint.base_url)
        errors = (batch.errors.data if batch.errors else None) or []
        is_too_large = batch.status == "failed" and any(error.code == _TOO_MANY_TOKENS for error in errors)
        n_requests, unanswered = self._unanswered(token)
        self._forget_reservations(token)
        self._write("UPDATE batches SET status = 'collected' WHERE token = ?", (token,))
        said = self._clean("; ".join(filter(None, (error.message for error in errors))) or "no reason given")
        if is_too_large and n_requests > 1:
            self.n_too_many = min(self.n_too_many or n_requests, n_requests)
            return
        if batch.status == "failed":
            raise EndpointError(
                f"{where} refused the batch {batch.id}: {said}. Nothing was paid for it; unset TACOS_USE_BATCH to ask "
                "without batches."
            )
        if batch.status == "cancelled":
            raise EndpointError(
                f"The batch {batch.id} was cancelled at {where}. What it brought is in the cache; run again to send "
                "the rest, with TACOS_USE_BATCH unset to ask without batches."
            )
        for key in unanswered:
            failures.setdefault(key, Failure(0, f"the files of {batch.id} have no line for it", None))

    def _unanswered(self, token: str) -> tuple[int, list[str]]:
        """The number of requests of a batch, and the keys of those without a reply."""
        rows = self._cache.read(
            "SELECT lower(hex(request_key)), request_key IN (SELECT request_key FROM replies) FROM batch_requests"
            " WHERE token = ?",
            (token,),
        )
        return len(rows), [str(key) for key, has_reply in rows if not has_reply]

    def _collect(
        self, file_id: str, token: str, requested_at_us: int, failures: dict[str, Failure], about: str
    ) -> None:
        """Store the replies of an output or error file, in bounded memory."""
        streamed = cast(Any, self._openai.files.with_streaming_response.content(file_id))
        with ExitStack() as stack:
            response = self._call(lambda: stack.enter_context(streamed), about)
            lines = (line for line in response.iter_lines() if line.strip())
            while block := self._call(lambda: [_parse(line) for line in islice(lines, _LINES_PER_COMMIT)]):
                self._store(block, token, requested_at_us, failures)

    def _store(
        self, block: list[dict[str, Any]], token: str, requested_at_us: int, failures: dict[str, Failure]
    ) -> None:
        known = self._requests(token, [str(line.get("custom_id")) for line in block])
        rows, done = [], []
        for line in block:
            key = str(line.get("custom_id"))
            if key not in known:
                continue  # not of this batch
            model, attempt = known[key]
            response = _object(line.get("response"))
            body = _object(response.get("body"))
            try:
                if response.get("status_code") != 200:
                    raise KeyError("status_code")
                reply = read_completion(body, self._stage, model, attempt, key, requested_at_us, None)
            except (KeyError, IndexError, TypeError, AttributeError):
                failures[key] = self._failure(line, response, body)
                continue
            text = self._endpoint.hide_secrets(reply.text) if reply.text else reply.text
            self.n_stored += 1
            rows.append(reply._replace(text=text, is_batch=True).row())
            if reply.n_prompt_tokens is not None:
                done.append((bytes.fromhex(key),))
        delete = "DELETE FROM reservations WHERE request_key = ? AND is_batch = 1"
        self._cache.writer.submit(Work(INSERT_REPLY, rows, ((delete, done),))).result()

    def _failure(self, line: dict[str, Any], response: dict[str, Any], body: dict[str, Any]) -> Failure:
        error = _object(body.get("error")) or _object(line.get("error"))
        status = response.get("status_code")
        parameter = error.get("param")
        message = self._clean(str(error.get("message") or error.get("code") or "no reply"))
        status = status if isinstance(status, int) and status != 200 else 0
        return Failure(status, message, parameter if isinstance(parameter, str) else None)

    def _requests(self, token: str, keys: list[str]) -> dict[str, tuple[str, int]]:
        """Model and attempt of those keys that belong to the batch."""
        blobs = [bytes.fromhex(key) for key in keys if _is_key(key)]
        marks = ",".join("?" * len(blobs))
        rows = self._cache.read(
            f"SELECT lower(hex(request_key)), model, attempt FROM batch_requests"  # noqa: S608
            f" WHERE token = ? AND request_key IN ({marks})",
            [token, *blobs],
        )
        return {str(key): (str(model), int(str(attempt))) for key, model, attempt in rows}

    def _forget_reservations(self, token: str) -> None:
        """What brought no reply was not paid for; what brought one without token counts stays at its worst price."""
        self._write(
            "DELETE FROM reservations WHERE is_batch = 1 AND request_key IN"
            " (SELECT request_key FROM batch_requests WHERE token = ?)"
            " AND request_key NOT IN (SELECT request_key FROM replies WHERE n_prompt_tokens IS NULL)",
            (token,),
        )

    def _write(self, sql: str, row: tuple[object, ...]) -> None:
        self._cache.writer.submit(Work(sql, [row])).result()

    def _call(self, function: Callable[[], T], about: str = "") -> T:
        """Call the client; its errors become one that says what to do, and carries no secret.

        Args:
            function: the call.
            about: the batch that it is about, if the endpoint should know it.
        """
        where = shown_url(self._endpoint.base_url)
        refused = True
        try:
            return function()
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            message = f"{where} refuses the key ({error.status_code}). Set OPENAI_API_KEY for this OPENAI_BASE_URL."
        except openai.NotFoundError as error:
            if not about:
                message = f"{where} has no batch API ({error.status_code}): unset TACOS_USE_BATCH."
            else:
                message = (
                    f"{where} knows {about} no more ({error.status_code}). If it is gone for good, give it up, so that "
                    f"its requests are asked again: tacos cache give-up-batch {about.rpartition(' ')[2]}"
                )
        except openai.APIStatusError as error:
            refused = error.status_code < 500
            said = self._clean(error.response.text)
            message = (
                f"{where} does not take the batch ({error.status_code}: {said}). If it has no batch API, unset "
                "TACOS_USE_BATCH."
            )
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            refused = False
            message = (
                f"{where} does not answer ({type(error).__name__}). See OPENAI_BASE_URL; run again to go on, the "
                "batches under way are written down."
            )
        raise RefusedError(message) if refused else EndpointError(message)

    def _clean(self, text: str) -> str:
        return " ".join(hide_bearer(self._endpoint.hide_secrets(text)).split())[:300]


def batch_line(key: str, body: dict[str, Any]) -> bytes:
    """One line of a batch file."""
    line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _parse(line: str) -> dict[str, Any]:
    """A line of a file of results; one that is none counts as missing."""
    try:
        return _object(json.loads(line))
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
