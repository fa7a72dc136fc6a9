"""The HTTP of a chat request: the body's bytes to one address, and what comes back, in bounded memory.

The openai client says who asks: its headers carry the key, and what else it reads from the environment. Its own
transport (aiohttp) is used without it: to build and validate the client's objects takes longer than all the rest.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import openai
import orjson
from multidict import CIMultiDict
from yarl import URL

from python_models.llm.endpoint.body import ACCEPT_ENCODING, read_body

_CONNECT_TIMEOUT_S = 10.0
_KEEP_ALIVE_S = 5.0
"""Idle connections are closed after so long, before most servers close them in the middle of a new request."""


class Received(NamedTuple):
    """A response: its status, its headers (names in any case) and its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body, whatever it is, as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; what orjson refuses (``NaN``, lone surrogates, UTF-16) is read by the standard library.

        Raises:
            ValueError: it is no JSON.
            RecursionError: it is nested too deep.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return json.loads(self.body)


class Wire:
    """Connections to one address, used within one event loop.

    Args:
        base_url: the address.
        api_key: the key, if there is one.
        silence_s: seconds after which a connection that brings nothing is given up.
        connect_s: the same until it stands; 10 at most.
        max_connections: connections at once, at most.
    """

    def __init__(
        self, base_url: str, api_key: str | None, silence_s: float, connect_s: float, max_connections: int
    ) -> None:
        self._url = URL(f"{base_url.rstrip('/')}/chat/completions")
        self._proxy = _proxy_of(self._url)
        # To load the certificates takes longer than a hundred calls: only where they are needed.
        tls: ssl.SSLContext | bool = httpx2.create_ssl_context() if self._url.scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, keepalive_timeout=_KEEP_ALIVE_S, ssl=tls),
            headers=_headers(base_url, api_key),
            timeout=aiohttp.ClientTimeout(
                connect=silence_s, sock_connect=min(_CONNECT_TIMEOUT_S, connect_s), sock_read=silence_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a bomb has to be stopped on the way, see ``body``
        )

    async def post(self, body: Mapping[str, Any]) -> Received:
        """Send a body as JSON.

        Raises:
            aiohttp.ClientError, OSError: there is no response, or not all of it.
            BodyRefused: its body is no reply.
        """
        async with self._session.post(self._url, data=_as_json(body), proxy=self._proxy) as response:
            return Received(response.status, response.headers, await read_body(response))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _as_json(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8, with a mark in place of each lone surrogate, which orjson refuses and UTF-8 cannot hold."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _headers(base_url: str, api_key: str | None) -> CIMultiDict[str]:
    """What the openai client sends with every request. It insists on a key; endpoints without keys ignore it."""
    http_client = httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport())  # one that sends nothing
    client = openai.AsyncOpenAI(api_key=api_key or "none", base_url=base_url, http_client=http_client)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in ({**client.auth_headers, **client.default_headers}).items():
        if isinstance(value, str):  # the others stand for headers that are left out
            headers[name] = value
    headers["Accept-Encoding"] = ACCEPT_ENCODING
    return headers


def _proxy_of(url: URL) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) wants for an address."""
    if url.host is None or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
