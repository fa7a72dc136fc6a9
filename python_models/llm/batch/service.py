"""The endpoint's batch API: each call to it, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx2
import openai

from python_models.llm.endpoint.endpoint import Endpoint, hide_bearer, shown_url
from python_models.llm.errors import EndpointError
from python_models.settings import LlmSettings

T = TypeVar("T")


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


class BatchService:
    """The batch API at the first address of an endpoint.

    Args:
        endpoint: where to.
        settings: timeout and retries.
    """

    def __init__(self, endpoint: Endpoint, settings: LlmSettings) -> None:
        self._endpoint = endpoint
        self.shown_url = shown_url(endpoint.base_url)
        self._openai = openai.OpenAI(
            api_key=endpoint.api_key or "none",
            base_url=endpoint.base_url,
            timeout=settings.request_timeout_s,
            max_retries=settings.max_retries,
        )

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def create(self, path: Path, token: str) -> str:
        """Send a file of requests as a batch that carries the token; returns its id."""
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

    def list_ids(self) -> Iterator[tuple[str | None, str]]:
        """Token and id of the endpoint's batches, the newest first."""
        for batch in self._call(lambda: list(self._openai.batches.list(limit=100))):
            yield (batch.metadata or {}).get("tacos"), batch.id

    def retrieve(self, batch_id: str) -> Any:
        """The state of a batch, as the client's object."""
        return self._call(lambda: self._openai.batches.retrieve(batch_id), f"the batch {batch_id}")

    def read_lines(self, file_id: str, batch_id: str, n_lines: int) -> Iterator[list[str]]:
        """Read a file of results in blocks of lines, so that the memory is bounded."""
        streamed = cast(Any, self._openai.files.with_streaming_response.content(file_id))
        with ExitStack() as stack:
            response = self._call(lambda: stack.enter_context(streamed), f"the batch {batch_id}")
            lines = (line for line in response.iter_lines() if line.strip())
            while block := self._call(lambda: list(islice(lines, n_lines))):
                yield block

    def _call(self, function: Callable[[], T], about: str = "") -> T:
        """Call the client; its errors become one that says what to do, and carries no secret.

        Args:
            function: the call.
            about: the batch that it is about, if the endpoint should know it.
        """
        where = self.shown_url
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
            said = self.clean(error.response.text)
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

    def clean(self, text: str) -> str:
        """A message of the endpoint, short and without secrets."""
        return " ".join(hide_bearer(self._endpoint.hide_secrets(text)).split())[:300]
