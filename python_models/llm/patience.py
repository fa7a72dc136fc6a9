"""What a failed call means for the run: try again after a pause, give the request up, or stop with what to do."""

from __future__ import annotations

import queue

from python_models.llm.endpoint.endpoint import shown_url
from python_models.llm.endpoint.failures import CallFailed
from python_models.llm.endpoint.retries import LONGEST_RETRY_AFTER_S, backoff_s
from python_models.llm.endpoint.transport import what_to_do
from python_models.llm.errors import EndpointError

# A server may still be starting: this many tries before a refused connection ends the run.
_TRIES_TO_CONNECT = 3
_LEAST_FAILURES_IN_A_ROW = 50
# Being turned away uses up no tries while others succeed, but there is an end to it, too.
_MOST_TRIES_PER_RETRY = 10
_LONGEST_TURNED_AWAY_S = 600.0

_ABOUT_LIMITS = (
    "TACOS_TOKENS_PER_MINUTE, TACOS_REQUESTS_PER_MINUTE and TACOS_MAX_CONCURRENCY say what the endpoint allows"
)


class Patience:
    """Counts what fails in a run, of all slots together.

    Args:
        max_retries: how often a request is tried again.
        n_slots: calls in flight at most: so many may fail at once for one reason.

    Attributes:
        notices: what the user should be told, once each.
    """

    def __init__(self, max_retries: int, n_slots: int) -> None:
        self._max_retries = max_retries
        self._most_in_row = max(_LEAST_FAILURES_IN_A_ROW, 2 * n_slots)
        self._has_succeeded = False
        self._n_failed_in_row = 0
        self._n_lost_in_row = 0
        self._turned_away_since: float | None = None
        self._has_told_limits = False
        self.notices: queue.SimpleQueue[str] = queue.SimpleQueue()

    def succeeded(self) -> None:
        """A reply came."""
        self._has_succeeded = True
        self._n_failed_in_row = self._n_lost_in_row = 0
        self._turned_away_since = None

    def uses_up_a_try(self, failure: CallFailed, n_tries: int, has_others_succeeded: bool) -> bool:
        """Whether a failed call counts against its request: being turned away does not while others are answered."""
        is_limited = failure.is_turned_away and has_others_succeeded
        return not is_limited or n_tries > _MOST_TRIES_PER_RETRY * (self._max_retries + 1)

    def pause_after(self, failure: CallFailed, n_failures: int, base_url: str) -> float | None:
        """Seconds until the next try, None to give the request up.

        Raises:
            EndpointError: the endpoint plainly cannot be used, or paid calls are lost in a row.
        """
        where = shown_url(base_url)
        if failure.kind == "file_handles" or (
            failure.is_unreachable and not self._has_succeeded and n_failures >= _TRIES_TO_CONNECT
        ):
            raise EndpointError(what_to_do(failure.kind, where, failure.detail))
        self._n_lost_in_row += failure.may_be_paid
        if self._n_lost_in_row >= self._most_in_row:
            raise EndpointError(
                f"{self._n_lost_in_row} calls in a row to {where} brought nothing and may have been paid for; the "
                f"last: {failure}. {_advice(failure)}Everything received is in the cache; run again when it answers."
            )
        asked_s = failure.retry_after_s
        if asked_s is not None and asked_s > LONGEST_RETRY_AFTER_S:
            return None
        if not failure.is_transient or n_failures > self._max_retries:
            return None
        # Who was turned away waits with all others (see ``pace``), unless there is another address.
        return 0.0 if failure.is_turned_away else backoff_s(max(1, n_failures), asked_s)

    def turned_away(self, failure: CallFailed, base_url: str, n_in_row: int, now: float) -> None:
        """Tell once per run that the endpoint limits the calls.

        Args:
            failure: how it said so.
            base_url: of the endpoint.
            n_in_row: calls that this URL has turned away since it last answered one.
            now: seconds on the clock of the loop.

        Raises:
            EndpointError: it has done nothing else for long.
        """
        self._turned_away_since = self._turned_away_since or now
        if not self._has_told_limits:
            self._has_told_limits = True
            self.notices.put(f"{shown_url(base_url)} limits the calls ({failure}): waiting. {_ABOUT_LIMITS}.")
        since_s = now - self._turned_away_since
        if n_in_row > self._max_retries and since_s > _LONGEST_TURNED_AWAY_S:
            raise EndpointError(
                f"{shown_url(base_url)} has turned all calls away for {since_s:,.0f} s; "
                f"the last: {failure}. {_ABOUT_LIMITS}. Everything received is in the cache; run again later."
            )

    def gave_up(self, failure: CallFailed, n_tries: int, base_url: str) -> str:
        """A request failed for good; returns the error of its row.

        Raises:
            EndpointError: too many requests in a row did.
        """
        error = str(failure) + (f" ({n_tries} tries)" if n_tries > 1 else "")
        if (failure.retry_after_s or 0) > LONGEST_RETRY_AFTER_S:
            error += f" (asked to wait {failure.retry_after_s:,.0f} s)"
        if failure.is_transient or not self._has_succeeded:
            self._n_failed_in_row += 1
        if self._n_failed_in_row >= self._most_in_row:
            raise EndpointError(
                f"{self._n_failed_in_row} requests in a row failed at {shown_url(base_url)}; the last: {error}. "
                f"{_advice(failure)}Everything received is in the cache; run again when the endpoint answers."
            )
        return error


def _advice(failure: CallFailed) -> str:
    """What to set against a failure, if anything."""
    if failure.is_turned_away:
        return f"{_ABOUT_LIMITS}. "
    if failure.kind == "timeout":
        return "TACOS_REQUEST_TIMEOUT_S is the patience with one call; TACOS_MAX_CONCURRENCY=1 asks one at a time. "
    return ""
