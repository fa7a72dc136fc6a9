"""The body of a response, in bounded memory: decompressed piece by piece, refused when it grows beyond any reply."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial

import aiohttp

MAX_BODY_BYTES = 8 * 2**20
"""Bytes of a body, decompressed. The longest replies of today (128,000 tokens, escaped) are below 2 MB."""

ACCEPT_ENCODING = "gzip, deflate"
_PIECE_BYTES = 2**16
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class BodyRefused(Exception):  # noqa: N818 - it says what happened
    """A body that is no reply: too long, or compressed in a way that was not asked for or is broken."""


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The body of a response that was not decompressed yet, in bounded memory.

    Raises:
        BodyRefused: it is longer than ``MAX_BODY_BYTES``, as received or decompressed, or compressed wrongly.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    pieces: Callable[[bytes], Iterator[bytes]] = _whole
    decompress = None
    if encoding not in {"identity", ""}:
        if encoding not in _WINDOW_BITS:
            raise BodyRefused(f"compressed as {encoding[:40]!r}, which was not asked for")
        decompress = zlib.decompressobj(_WINDOW_BITS[encoding])
        pieces = partial(_decompressed, decompress)
    n_received = n_bytes = 0
    body: list[bytes] = []
    while received := await response.content.readany():
        n_received += len(received)
        for piece in pieces(received):
            n_bytes += len(piece)
            if max(n_bytes, n_received) > MAX_BODY_BYTES:
                raise BodyRefused(f"longer than {MAX_BODY_BYTES // 2**20} MiB")
            body.append(piece)
    if decompress is not None and not decompress.eof:
        raise BodyRefused("compressed, and cut")
    return b"".join(body)


def _whole(received: bytes) -> Iterator[bytes]:
    """What is not compressed is one piece."""
    yield received


def _decompressed(decompress: zlib._Decompress, received: bytes) -> Iterator[bytes]:
    """Pieces of bounded size, at least one."""
    while received:
        try:
            yield decompress.decompress(received, _PIECE_BYTES)
        except zlib.error as error:
            raise BodyRefused(f"broken compression ({error})") from None
        received = decompress.unconsumed_tail
