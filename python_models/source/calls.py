"""Tool calls in the words of several vendors, written in one way: ``{"name": ..., "arguments": {...}}``."""

from __future__ import annotations

from typing import Any

from python_models.source.texts import clean, dump, is_empty, read_json

# Fields of a turn that hold calls beside the text: OpenAI's (of today and of 2023), Gemini's.
CALL_FIELDS = ("tool_calls", "function_call", "tool_call", "functionCall")
# Types of a part (or of a turn without role) that is a call, and of one that is the result of one.
CALL_TYPES = frozenset(("tool_use", "tool_call", "tool_calls", "function_call", "server_tool_use", "custom_tool_call"))
RESULT_TYPES = frozenset(
    ("tool_result", "tool_response", "function_response", "function_call_output", "web_search_tool_result")
)
ARGUMENT_FIELDS = ("arguments", "input", "parameters", "args")


def write_calls(value: Any) -> str | None:
    """Write a call, or a list of calls, as JSON text; several calls become one array, as LLaMA-Factory writes them.

    Args:
        value: an object with name and arguments, OpenAI's ``{"function": {...}}``, Anthropic's ``tool_use``, Gemini's
            ``functionCall``, a list of these, or the JSON text of any. Ids of calls are left out.

    Returns:
        The text; None if there is no call: null, ``[]``, ``[null]``, an object of nulls, or any of these as text.
    """
    calls = list_calls(value)
    if not calls:
        return None
    if all(isinstance(call, str) for call in calls):
        return "\n\n".join(calls)
    return clean(dump(calls[0] if len(calls) == 1 else calls))


def list_calls(value: Any) -> list[Any]:
    """List the calls that ``write_calls`` writes: name and arguments each, a text where it is neither; [] for none."""
    if isinstance(value, str):
        text = clean(value)
        parsed, _ = read_json(text.encode())
        if isinstance(parsed, dict | list | str):
            return list_calls(parsed)
        return [] if text.lower() in ("", "null", "none") else [text]
    if isinstance(value, list):
        return [call for item in value for call in list_calls(item)]
    call = _shorten(value)
    return [] if is_empty(call) or (isinstance(call, dict) and call.keys() <= {"type", "id", "index"}) else [call]


def _shorten(call: Any) -> Any:
    """Reduce a call to its name and its arguments; what has no name stays whole."""
    if not isinstance(call, dict):
        return call
    for wrapper in ("function", "functionCall", "function_call", "custom"):
        if isinstance(call.get(wrapper), dict):
            return _shorten(call[wrapper])
    name = call.get("name") or call.get("tool_name") or call.get("function")
    field = next((field for field in ARGUMENT_FIELDS if call.get(field) is not None), None)
    if not isinstance(name, str) or not name.strip():
        # A table that unites calls of different arguments fills those that are missing with nulls.
        return {key: item for key, item in call.items() if item is not None}
    arguments = {} if field is None or is_empty(call[field]) else call[field]
    if isinstance(arguments, str):
        parsed, error = read_json(arguments.encode("utf-8", "replace"))
        arguments = parsed if error is None and isinstance(parsed, dict) else arguments
    if isinstance(arguments, dict):
        arguments = {key: item for key, item in arguments.items() if item is not None}
    return {"name": name, "arguments": arguments}
