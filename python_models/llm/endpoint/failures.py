"""What it means that a call brought no reply: a failed call, or an endpoint that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from python_models.llm.endpoint.completion import BAD_KEY, MODERATED, NO_MONEY, error_of, status_of, words_of
from python_models.llm.endpoint.endpoint import Endpoint, hide_bearer, shown_url
from python_models.llm.endpoint.retries import read_retry_after
from python_models.llm.endpoint.transport import trouble_of
from python_models.llm.errors import EndpointError

_LONGEST_DETAIL = 300
_TRANSIENT = frozenset({408, 409, 425, 429})


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


class Failures:
    """Names what went wrong in calls to one address, without its secrets.

    Args:
        endpoint: knows the secrets.
        base_url: the address.
    """

    def __init__(self, endpoint: Endpoint, base_url: str) -> None:
        self._endpoint = endpoint
        self._base_url = base_url

    def of_error(self, error: BaseException, timeout_s: float) -> CallFailed:
        """What an error of the connection means."""
        trouble = trouble_of(error, timeout_s)
        return CallFailed(
            trouble.kind,
            self.clean(trouble.detail),
            is_transient=trouble.is_transient,
            is_unreachable=trouble.is_unreachable,
            may_be_paid=not trouble.is_unreachable,
        )

    def of_status(
        self, status: int, headers: Mapping[str, str], error: dict[str, Any], text: str
    ) -> CallFailed | EndpointError:
        """What an HTTP error means: a failed call, or an endpoint that cannot be used."""
        said = self.clean(str(error.get("message") or text))
        words = words_of(error) or text
        where = shown_url(self._base_url)
        if status == 401 or (status in {400, 403} and BAD_KEY.search(f"{words} {error.get('details')}")):
            return EndpointError(
                f"{where} refuses the key ({status}: {said}). Set OPENAI_API_KEY for this OPENAI_BASE_URL."
            )
        if status == 402 or (status in {400, 403, 429} and NO_MONEY.search(words)):
            return EndpointError(f"The account at {where} cannot pay for requests ({status}: {said}).")
        metadata = error.get("metadata")
        is_flagged = isinstance(metadata, dict) and not metadata.keys().isdisjoint({"flagged_input", "reasons"})
        if status in {400, 403, 422, 451} and (is_flagged or MODERATED.search(f"{words} {error.get('innererror')}")):
            return CallFailed("refused", f"content_filter: {said}")
        if status == 403:
            return EndpointError(
                f"{where} forbids the request (403: {said}). See that the key of OPENAI_API_KEY may use this model."
            )
        if status in {404, 405}:
            return EndpointError(
                f"{where} knows no such address or model ({status}: {said}). See OPENAI_BASE_URL (it usually ends in "
                "/v1) and the model names TACOS_TAGGING_MODEL and TACOS_JUDGE_MODEL."
            )
        is_transient = status in _TRANSIENT or status >= 500
        retry_after_s = read_retry_after(headers, text)
        return CallFailed(f"http_{status}", said, is_transient=is_transient, retry_after_s=retry_after_s)

    def in_body(self, payload: Any) -> CallFailed | EndpointError:
        """What an answer with status 200 means that is no chat completion; the work may have been done and paid."""
        error = error_of(payload)
        status = status_of(error)
        failure = self.of_status(status, {}, error, "") if status else None
        if failure is None and MODERATED.search(words_of(error)):
            failure = CallFailed("refused", f"content_filter: {self.clean(words_of(error))}")
        if failure is None:
            said = self.clean(str(error.get("message") or _shown(payload)))
            failure = CallFailed("bad_response", f"no chat completion: {said}", is_transient=True)
        if isinstance(failure, CallFailed):
            failure.may_be_paid = True
        return failure

    def clean(self, text: str) -> str:
        """A message of the endpoint, short and without secrets."""
        text = " ".join(hide_bearer(self._endpoint.hide_secrets(text)).split())
        return text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + "…"


def _shown(payload: object) -> str:
    try:
        return json.dumps(payload)
    except RecursionError:
        return "nested too deep"
