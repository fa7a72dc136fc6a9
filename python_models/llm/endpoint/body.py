"""The body of a response, in bounded memory: decompressed piece by piece, refused when it grows beyond any reply."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx2

MAX_BODY_BYTES = 8 * 2**20
"""Bytes of a body, decompressed. The longest replies of today (128,000 tokens, escaped) are below 2 MB."""

ACCEPT_ENCODING = "gzip, deflate"
_PIECE_BYTES = 2**16
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class BodyRefused(Exception):  # noqa: N818 - it says what happened
    """A body that is no reply: too long, or compressed in a way that was not asked for or is broken."""


async def bound_body(response: httpx2.Response) -> None:
    """Let the body of a response be read in bounded memory only (an event hook of the HTTP client)."""
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    response.stream = _BoundedStream(response.stream, encoding)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: object, encoding: str) -> None:
        if not isinstance(inner, httpx2.AsyncByteStream):
            raise TypeError(f"wanted a stream, got {type(inner).__name__}")
        self._inner = inner
        self._encoding = encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_received = n_bytes = 0
        decompress = None
        if self._encoding not in {"identity", ""}:
            if self._encoding not in _WINDOW_BITS:
                raise BodyRefused(f"compressed as {self._encoding[:40]!r}, which was not asked for")
            decompress = zlib.decompressobj(_WINDOW_BITS[self._encoding])
        async for received in self._inner:
            n_received += len(received)
            while received:
                if decompress is None:
                    piece, received = received, b""
                else:
                    try:
                        piece = decompress.decompress(received, _PIECE_BYTES)
                    except zlib.error as error:
                        raise BodyRefused(f"broken compression ({error})") from None
                    received = decompress.unconsumed_tail
                n_bytes += len(piece)
                if max(n_bytes, n_received) > MAX_BODY_BYTES:
                    raise BodyRefused(f"longer than {MAX_BODY_BYTES // 2**20} MiB")
                yield piece
        if decompress is not None and not decompress.eof:
            raise BodyRefused("compressed, and cut")

    async def aclose(self) -> None:
        await self._inner.aclose()
