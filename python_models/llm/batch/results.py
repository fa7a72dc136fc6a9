"""Lines of the files that a batch brings: each a reply, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from python_models.llm.cache.rows import CachedReply
from python_models.llm.endpoint.completion import read_completion


class Failure(NamedTuple):
    """A request of a batch that brought no reply: HTTP status (0 for none), message, and the parameter it names."""

    status: int
    message: str
    parameter: str | None

    def __str__(self) -> str:
        kind = f"http_{self.status}" if self.status else "batch"
        return f"{kind}: {self.message}"


def read_result(
    line: dict[str, Any],
    stage: str,
    model: str,
    attempt: int,
    key: str,
    requested_at_us: int,
    clean: Callable[[str], str],
) -> CachedReply | Failure:
    """The reply of a line, or what went wrong, ``clean`` of secrets."""
    response = _object(line.get("response"))
    body = _object(response.get("body"))
    try:
        if response.get("status_code") != 200:
            raise KeyError("status_code")
        return read_completion(body, stage, model, attempt, key, requested_at_us, None)
    except (KeyError, IndexError, TypeError, AttributeError):
        error = _object(body.get("error")) or _object(line.get("error"))
        status = response.get("status_code")
        parameter = error.get("param")
        message = clean(str(error.get("message") or error.get("code") or "no reply"))
        status = status if isinstance(status, int) and status != 200 else 0
        return Failure(status, message, parameter if isinstance(parameter, str) else None)


def parse_line(line: str) -> dict[str, Any]:
    """A line of a file of results; one that is none counts as missing."""
    try:
        return _object(json.loads(line))
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
