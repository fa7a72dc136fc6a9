"""Between a request and the bytes of its response: what went wrong on the way, in kinds that users know."""

from __future__ import annotations

import errno
import ssl
from typing import NamedTuple

import aiohttp

from python_models.llm.endpoint.body import BodyRefused

_NO_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})


class Trouble(NamedTuple):
    """Why a request brought no response.

    Attributes:
        kind: ``connection``, ``host``, ``tls``, ``file_handles``, ``timeout`` or ``bad_response``.
        detail: what the system said.
        is_unreachable: there never was a connection.
        is_transient: whether trying again makes sense.
    """

    kind: str
    detail: str
    is_unreachable: bool = False
    is_transient: bool = True


def trouble_of(error: BaseException, timeout_s: float) -> Trouble:
    """Sort an error of the HTTP client; its own names are too coarse, so that its causes are asked."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, BodyRefused):
            return Trouble("bad_response", str(cause), is_transient=False)
        if isinstance(cause, OSError) and cause.errno in _NO_HANDLES:
            return Trouble("file_handles", cause.strerror or str(cause), is_unreachable=True)
    for cause in causes:
        if isinstance(cause, (aiohttp.ClientSSLError, ssl.SSLError)):
            return Trouble("tls", str(cause), is_unreachable=True)
        if isinstance(cause, aiohttp.ClientConnectorDNSError):
            return Trouble("host", str(cause), is_unreachable=True)
        if isinstance(cause, aiohttp.ClientConnectorError):
            return Trouble("connection", str(cause), is_unreachable=True)
        if isinstance(cause, aiohttp.ConnectionTimeoutError):
            return Trouble("connection", "no connection in time", is_unreachable=True)
    if any(isinstance(cause, aiohttp.InvalidURL) for cause in causes):
        return Trouble("host", str(error), is_unreachable=True)
    is_timeout = any(isinstance(cause, TimeoutError) for cause in causes)
    is_lost = any(isinstance(cause, aiohttp.ClientConnectionError) for cause in causes)
    if is_lost and not any(isinstance(cause, aiohttp.ServerTimeoutError) for cause in causes):
        return Trouble("connection", "closed without a reply")
    if is_timeout:
        return Trouble("timeout", f"no reply within {timeout_s:g} s")
    root = causes[-1]
    kind = "connection" if isinstance(root, OSError) else "bad_response"
    return Trouble(kind, f"{type(root).__name__}: {root}".rstrip(": "))


def what_to_do(kind: str, where: str, detail: str) -> str:
    """What ends a run when an address was never reached, by the kind of trouble."""
    if kind == "tls":
        return (
            f"There is no secure connection to {where} ({detail}). If its certificate is of an authority of your own, "
            "set SSL_CERT_FILE to the file of that authority; if it speaks plain HTTP, OPENAI_BASE_URL begins with "
            "http://."
        )
    if kind == "file_handles":
        return (
            f"Too few file handles to ask {where} ({detail}). Raise their number (`ulimit -n 4096`), or lower "
            "TACOS_MAX_CONCURRENCY."
        )
    if kind == "host":
        return f"The address {where} cannot be found ({detail}). See OPENAI_BASE_URL (it usually ends in /v1)."
    return (
        f"Nothing answers at {where} ({detail}). Start the server, or set OPENAI_BASE_URL to where it listens (it "
        "usually ends in /v1)."
    )


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 10:
        causes.append(cause)
    return causes
