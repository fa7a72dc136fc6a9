"""Models and servers that people use, for the fake endpoint: what they refuse, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fake_endpoint import Behaviour, complete

Answer = tuple[int, Any]

EFFORTS = {"none": 0, "low": 300, "medium": 900, "high": 3_000, "xhigh": 6_000, "max": 12_000}
"""Tokens of reasoning by effort."""


def error(message: str, code: object = None, param: str | None = None, **more: Any) -> dict[str, Any]:
    """An error object as OpenAI sends it."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code, **more}}


def reply(text: str | None, finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion with this text."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}


def as_usual(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the fake endpoint would answer, without a fault."""
    return complete(body, Behaviour(), None)


def openai_model(efforts: tuple[str, ...] = tuple(EFFORTS)) -> Callable[[dict[str, Any]], Answer]:
    """A model of the gpt-6 family: reasons by default, counts that as output; temperature only without reasoning."""

    def answer(body: dict[str, Any]) -> Answer:
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. "
            return 400, error(message + "Use 'max_completion_tokens' instead.", "unsupported_parameter", "max_tokens")
        effort = body.get("reasoning_effort", "medium")
        if effort not in efforts:
            message = f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. "
            message += f"Supported values are: {', '.join(efforts)}."
            return 400, error(message, "unsupported_value", "reasoning_effort")
        if effort != "none" and body.get("temperature", 1) != 1:
            message = (
                "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
            )
            return 400, error(message + "supported.", "unsupported_value", "temperature")
        completion = as_usual(body)
        usage, room = completion["usage"], body.get("max_completion_tokens", 128_000)
        usage["completion_tokens"] += EFFORTS[effort]
        usage["completion_tokens_details"] = {"reasoning_tokens": EFFORTS[effort]}
        if usage["completion_tokens"] > room:
            usage["completion_tokens"] = room
            completion["choices"][0]["finish_reason"] = "length"
            completion["choices"][0]["message"]["content"] = ""
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        return 200, completion

    return answer
