"""The batch API: requests in a file, replies within a day, at half the price.

What is under way is written down in the cache file before the endpoint hears of it, under a token that goes along as
metadata. So a killed run finds its batches again, even one whose creation it did not live to see.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from python_models.llm.batch.ledger import Entry, Ledger
from python_models.llm.batch.results import Failure, parse_line, read_result
from python_models.llm.batch.service import BatchService, RefusedError, TooManyTokensError
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import EndpointError
from python_models.settings import LlmSettings

MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000
"""Limits of one batch file (OpenAI's guide to the batch API)."""

_TOO_MANY_TOKENS = "token_limit_exceeded"
LONGEST_WITHOUT_FILES_S = 3_600.0
LONGEST_WITHOUT_COUNTS_S = 120.0
"""So long a batch may be completed without naming a file of results: if it says that requests are done, or else."""

_FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
_LINES_PER_COMMIT = 500


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
        self._service = BatchService(endpoint, settings)
        self._ledger = Ledger(stage, self._service.shown_url, cache)
        self.n_stored = 0
        self.n_too_many: int | None = None
        self._without_files_since: dict[str, float] = {}

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

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
        self._ledger.open(token, entries, keeps_reservations=keeps_reservations)
        try:
            batch_id = self._service.create(path, token)
        except RefusedError as error:
            self._ledger.lose(token)
            if _TOO_MANY_TOKENS in str(error):
                self.n_too_many = min(self.n_too_many or len(entries), len(entries))
                raise TooManyTokensError(str(error), len(entries)) from None
            raise
        self._ledger.name(token, batch_id)

    @property
    def open_ids(self) -> list[str]:
        """Ids of the batches whose replies are not stored yet; "?" for one that was never told."""
        return [batch_id or "?" for _, batch_id in self._ledger.open_tokens()]

    def find_again(self) -> None:
        """Find the ids of batches whose creation was not seen to its end, by their tokens."""
        unknown = {token for token, batch_id in self._ledger.open_tokens() if batch_id is None}
        if not unknown:
            return
        for token, batch_id in self._service.list_ids():
            if token in unknown:
                unknown.discard(token)
                self._ledger.name(token, batch_id)
        for token in unknown:
            self._ledger.lose(token)

    def poll(self) -> tuple[dict[str, Failure], int, int]:
        """Look at all open batches and store the replies of those that have ended.

        Returns:
            What failed, by key; how many batches are still open; how many of their requests are done.

        Raises:
            EndpointError: the endpoint refused a batch as a whole.
        """
        failures: dict[str, Failure] = {}
        n_open = n_done = 0
        for token, batch_id in self._ledger.open_tokens():
            if batch_id is None:
                continue
            batch = self._service.retrieve(batch_id)
            files = [file_id for file_id in (batch.output_file_id, batch.error_file_id) if file_id]
            if batch.status not in _FINAL or (
                batch.status == "completed" and not files and self._may_have_files(batch)
            ):
                n_open += 1
                n_done += batch.request_counts.completed if batch.request_counts else 0
                continue
            for file_id in files:
                for lines in self._service.read_lines(file_id, batch_id, _LINES_PER_COMMIT):
                    self._store([parse_line(line) for line in lines], token, batch.created_at * 1_000_000, failures)
            self._settle(token, batch, failures)
        return failures, n_open, n_done

    def _may_have_files(self, batch: Any) -> bool:
        """Whether to wait for the files of a batch that is said to be completed."""
        since = self._without_files_since.setdefault(batch.id, time.monotonic())
        counts = batch.request_counts
        if counts is None or not counts.completed + counts.failed:
            return time.monotonic() - since <= LONGEST_WITHOUT_COUNTS_S
        if time.monotonic() - since > LONGEST_WITHOUT_FILES_S:
            raise EndpointError(
                f"{self._service.shown_url} says that the batch {batch.id} is completed, but names no file "
                f"with its replies. See there, or give it up: tacos cache give-up-batch {batch.id}"
            )
        return True

    def _settle(self, token: str, batch: Any, failures: dict[str, Failure]) -> None:
        """A batch has ended and its replies are stored: write that down, and end the run if it ended badly.

        A request without a line in any file has failed, too: else it would be sent again and again.
        """
        where = self._service.shown_url
        errors = (batch.errors.data if batch.errors else None) or []
        is_too_large = batch.status == "failed" and any(error.code == _TOO_MANY_TOKENS for error in errors)
        n_requests, unanswered = self._ledger.unanswered(token)
        self._ledger.settle(token)
        said = self._service.clean("; ".join(filter(None, (error.message for error in errors))) or "no reason given")
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

    def _store(
        self, block: list[dict[str, Any]], token: str, requested_at_us: int, failures: dict[str, Failure]
    ) -> None:
        known = self._ledger.requests(token, [str(line.get("custom_id")) for line in block])
        rows, done = [], []
        for line in block:
            key = str(line.get("custom_id"))
            if key not in known:
                continue  # not of this batch
            model, attempt = known[key]
            reply = read_result(line, self._stage, model, attempt, key, requested_at_us, self._service.clean)
            if isinstance(reply, Failure):
                failures[key] = reply
                continue
            text = self._endpoint.hide_secrets(reply.text) if reply.text else reply.text
            self.n_stored += 1
            rows.append(reply._replace(text=text, is_batch=True).row())
            if reply.n_prompt_tokens is not None:
                done.append((bytes.fromhex(key),))
        self._ledger.store(rows, done)


def batch_line(key: str, body: dict[str, Any]) -> bytes:
    """One line of a batch file."""
    line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
