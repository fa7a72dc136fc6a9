"""Where requests go: one or several base URLs and a key that is read at call time and never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from python_models.llm.errors import EndpointError
from python_models.settings import SettingError

DEFAULT_BASE_URL = "https://api.openai.com/v1"
# Placeholders such as "none" or "EMPTY" are not secrets: hiding them would blank out ordinary words.
_SHORTEST_SECRET = 8
_BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint.

    Attributes:
        base_urls: one or several addresses that serve the same model; requests are spread over them.
        api_key: the key, None for endpoints that need none. Kept out of ``repr``.
        max_concurrency: calls in flight per URL, None to share the configured concurrency over the URLs.
        is_free: whether its replies cost nothing, whatever the model is called (a model on this machine).
    """

    base_urls: tuple[str, ...]
    api_key: str | None = field(default=None, repr=False)
    max_concurrency: int | None = None
    is_free: bool = False

    def __post_init__(self) -> None:
        if not self.base_urls:
            raise ValueError("An endpoint needs at least one base URL.")
        for url in self.base_urls:
            if "@" in urlsplit(url).netloc:
                raise SettingError(
                    f"OPENAI_BASE_URL must hold no user or password, but the one for {shown_url(url)} does. "
                    "Put the secret into OPENAI_API_KEY."
                )
            if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
                raise SettingError(f"OPENAI_BASE_URL must look like https://host/v1, but it is {shown_url(url)!r}.")
            if urlsplit(url).query or "/openai/deployments/" in urlsplit(url).path:
                raise SettingError(
                    f"OPENAI_BASE_URL must be an address without ?api-version= or another query, but the one for "
                    f"{shown_url(url)} has one or names a deployment. Azure's address without them is "
                    "https://RESOURCE.openai.azure.com/openai/v1; the deployment's name is the model's name."
                )

    @property
    def base_url(self) -> str:
        """The first address."""
        return self.base_urls[0]

    def hide_secrets(self, text: str) -> str:
        """Replace the key, should it stand in the text (some endpoints repeat it in their errors)."""
        if self.api_key and len(self.api_key) >= _SHORTEST_SECRET and self.api_key in text:
            text = text.replace(self.api_key, "***")
        return text


def shown_url(url: str) -> str:
    """The URL without user, password and query, which may hold secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def hide_bearer(text: str) -> str:
    """Blank out what looks like an authorization header in an error text."""
    return _BEARER.sub(r"\1***", text)


def configured_endpoint() -> Endpoint:
    """The endpoint of ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY``, read now; several URLs are separated by commas.

    Raises:
        EndpointError: the default address needs a key and none is set.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip() or None
    given = [url.strip().rstrip("/") for url in os.environ.get("OPENAI_BASE_URL", "").split(",") if url.strip()]
    if not given and key is None:
        raise EndpointError(
            f"OPENAI_API_KEY is not set, and {DEFAULT_BASE_URL} answers no request without it. Set OPENAI_API_KEY, "
            "or OPENAI_BASE_URL for another endpoint, or TACOS_GATEWAY=local for the embedded models."
        )
    return Endpoint(base_urls=tuple(given) or (DEFAULT_BASE_URL,), api_key=key)


@contextmanager
def open_configured_endpoint() -> Iterator[Endpoint]:
    """configured_endpoint as the context manager that the engine opens on its first uncached request."""
    yield configured_endpoint()
