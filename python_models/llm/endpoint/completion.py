"""Reading what an endpoint sends: a chat completion and its token counts, or an error in any of the usual forms."""

from __future__ import annotations

import re
from typing import Any

from python_models.llm.cache.rows import CachedReply
from python_models.llm.spending.prices import billed_model

TOOL_CALLS = "tool_calls"
REASONING_ONLY = "reasoning_only"
"""Finish reasons of replies without an answer; the second is the project's own."""

NO_MONEY = re.compile(
    r"insufficient[_ ](quota|credit|balance|funds)|billing_hard_limit|account_deactivated|credit[_ ]balance|"
    r"payment required",
    re.IGNORECASE,
)
MODERATED = re.compile(
    r"content[_ ]?filter|content[_ ](management )?policy|responsible_?ai|data_inspection_failed|prohibited_content|"
    r"flagged|moderation|usage policy|\bsafety\b|invalid_prompt",
    re.IGNORECASE,
)
BAD_KEY = re.compile(r"api[_ ]key (is )?(not valid|invalid)|invalid[_ ]api[_ ]key|api_key_invalid", re.IGNORECASE)

# Errors without a number, by what they say, as the HTTP status that they should have had.
_STATUS_OF_WORDS = (
    (402, NO_MONEY),
    (401, BAD_KEY),
    (
        404,
        re.compile(
            r"(unexpected|unknown|no such|invalid) (endpoint|path|route|url)|no models? (is |are )?loaded", re.I
        ),
    ),
    (404, re.compile(r"model_not_found|model .{0,80}(not found|does not exist)", re.I | re.DOTALL)),
    (429, re.compile(r"rate[_ ]?limit|too many requests|resource_exhausted", re.I)),
    (503, re.compile(r"overloaded|server_error|internal error|unavailable|loading|try again", re.I)),
)


def read_completion(
    payload: Any, stage: str, model: str, attempt: int, key: str, requested_at_us: int, latency_ms: float | None
) -> CachedReply:
    """Read a chat completion object into a row of the cache.

    Raises:
        KeyError, IndexError, TypeError, AttributeError: it is none, or an error stands in it (see ``error_of``).
    """
    if payload.get("error"):
        raise KeyError("error")
    choice = payload["choices"][0]
    finish_reason = _storable(choice.get("finish_reason"))
    if choice.get("error") or finish_reason == "error":
        raise KeyError("error")
    # Some endpoints leave the message out where a filter took it.
    message = choice["message"] if finish_reason is None else choice.get("message") or {}
    text = _text_of(message.get("content"))
    if not (text or "").strip() and not message.get("refusal"):
        if message.get("tool_calls") or message.get("function_call"):
            finish_reason = TOOL_CALLS
        elif finish_reason in {None, "stop"} and any(message.get(n) for n in ("reasoning_content", "reasoning")):
            finish_reason = REASONING_ONLY
    n_prompt, n_cached, n_completion, n_written = read_usage(payload.get("usage"), has_text=bool(text))
    return CachedReply(
        key=key,
        stage=stage,
        model=billed_model(model, payload.get("model")),
        attempt=attempt,
        text=text,
        refusal=_storable(message.get("refusal")),
        finish_reason=finish_reason,
        n_prompt_tokens=n_prompt,
        n_cached_tokens=n_cached,
        n_completion_tokens=n_completion,
        latency_ms=latency_ms,
        requested_at_us=requested_at_us,
        n_cache_write_tokens=n_written,
    )


def read_usage(usage: Any, *, has_text: bool) -> tuple[int | None, int | None, int | None, int | None]:
    """Tokens of the prompt, of its cached part, of the reply, reasoning included, and of the part written to the cache.

    Some endpoints leave the reasoning out of ``completion_tokens``, but not out of the total. Counts that cannot
    be (none for a prompt, or for a text) are no counts: then all are None, and the call stays at its worst price.
    Tokens written count as part of the prompt, as OpenAI (``cache_write_tokens``, from gpt-5.6 on) and OpenRouter
    document; LiteLLM calls them ``cache_creation_tokens``, and beside the details ``cache_creation_input_tokens``, as
    Anthropic does.
    """
    usage = usage if isinstance(usage, dict) else {}
    n_prompt, n_total = _count(usage.get("prompt_tokens")), _count(usage.get("total_tokens"))
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    n_cached = _count(details.get("cached_tokens"))
    written = [details.get("cache_write_tokens"), details.get("cache_creation_tokens")]
    written = [_count(value) for value in (*written, usage.get("cache_creation_input_tokens"))]
    n_written = next((count for count in written if count is not None), None)
    counts = [_count(usage.get("completion_tokens")), n_total - n_prompt if n_total and n_prompt else None]
    n_completion = max((count for count in counts if count is not None), default=None)
    if not n_prompt or n_completion is None or (has_text and n_completion <= 0):
        return None, None, None, None
    return n_prompt, n_cached, n_completion, n_written


def error_of(body: Any) -> dict[str, Any]:
    """The error in a body: an object with ``message``, and ``code``, ``type``, ``param``, ``metadata`` if given.

    Known forms: ``{"error": {...}}`` (also in a list, as from Gemini), ``{"error": "text"}``, the error object itself,
    ``{"detail": ...}`` as FastAPI writes it, an error inside the first choice (OpenRouter), a bare text. Empty if none.
    """
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, str):
        return {"message": body} if body.strip() else {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    if not inner and isinstance(body.get("choices"), list) and body["choices"] and isinstance(body["choices"][0], dict):
        inner = body["choices"][0].get("error")
        if not inner and body["choices"][0].get("finish_reason") == "error":
            inner = "the reply ended with an error"
    if isinstance(inner, (str, dict)) and inner:
        return error_of(inner)
    detail = body.get("detail")
    if isinstance(detail, str):
        return {"message": detail}
    if isinstance(detail, list):  # each with the place and what is wrong there; the input that they repeat is left out
        parts = [part for part in detail if isinstance(part, dict)]
        told = (f"{'.'.join(map(str, part.get('loc') or ()))}: {part.get('msg')}" for part in parts)
        return {"message": "; ".join(told)}
    return body if "message" in body or "code" in body else {}


def words_of(error: dict[str, Any]) -> str:
    """Message, code and type of an error as one text to look for words in."""
    return " ".join(str(error[name]) for name in ("message", "code", "type", "status") if error.get(name))


def status_of(error: dict[str, Any]) -> int:
    """The HTTP status that an error in a 200 body stands for; 0 if nothing tells."""
    code = str(error.get("code") or "")
    if code.isdigit() and 400 <= int(code) <= 599:
        return int(code)
    words = words_of(error)
    return next((status for status, pattern in _STATUS_OF_WORDS if pattern.search(words)), 0)


def _text_of(content: object) -> str | None:
    """The text of a message; of one in parts, what is neither reasoning nor a tool's."""
    if isinstance(content, list):
        parts = [part if isinstance(part, dict) else {"text": part} for part in content]
        texts = [part.get("text") or "" for part in parts if part.get("type", "text") in {"text", "output_text"}]
        content = "".join(texts)
    return _storable(content)


def _storable(text: object) -> str | None:
    """The text with lone surrogates replaced, which no UTF-8 file can hold."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"wanted a string, got {type(text).__name__}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
