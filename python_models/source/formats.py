"""The instruction and the response of one record, whatever its format; or the reason why it has none.

Formats are those of Stanford Alpaca, ShareGPT (as FastChat reads it), OpenAI chat messages, and pairs of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from python_models.settings import SettingError
from python_models.source.conversations import CONVERSATION_FIELDS, join_turns, read_turns
from python_models.source.texts import clean, decode, find_date, write_json

INSTRUCTION_FIELDS = ("instruction", "prompt", "question", "query", "input")
RESPONSE_FIELDS = ("output", "response", "completion", "answer")
CONTEXT_FIELDS = ("input", "context")
MAPPING_ROLES = ("instruction", "input", "response")
# Self-Instruct and Alpaca write this where there is no input.
NO_INPUT = "<noinput>"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one record says.

    Attributes:
        format: alpaca, sharegpt, messages, a pair of columns such as question-answer, mapped, or unknown.
        instruction, response: clean text, not empty; None if the record cannot be used.
        conversation_json: the whole record as JSON text.
        n_turns: turns of the user; None if the record cannot be used.
        ingested_on: the record's own date (UTC), None if it has none.
        error: why it cannot be used, None if it can.
    """

    format: str
    instruction: str | None
    response: str | None
    conversation_json: str
    n_turns: int | None
    ingested_on: date | None
    error: str | None


class FieldError(ValueError):
    """A field of a record is not what a sample needs; the message is the reason for rejecting the record."""


def read_mapping(setting: str) -> dict[str, str]:
    """Read a column mapping like ``instruction=question, input=context, response=answer``; empty for none.

    Returns:
        Role (instruction, input, response) to column name.

    Raises:
        SettingError: an unknown or repeated role, no column, or instruction or response missing.
    """
    wanted = "the column mapping must look like 'instruction=question, input=context, response=answer' (input optional)"
    mapping: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        role, equals, column = (text.strip() for text in part.partition("="))
        if role not in MAPPING_ROLES or not equals or not column or role in mapping:
            raise SettingError(f"{wanted}, but it has {part!r} in {setting!r}.")
        mapping[role] = column
    if mapping and not {"instruction", "response"} <= mapping.keys():
        raise SettingError(f"{wanted}: both instruction and response are needed, but it is {setting!r}.")
    return mapping


def parse(record: Any, mapping: Mapping[str, str]) -> Parsed:
    """Parse one record: its format is recognised from its own fields, so that formats may be mixed in one file.

    Args:
        record: a JSON value or the row of a table.
        mapping: see ``read_mapping``; used for records that have one of its columns, others are recognised as ever.
    """
    try:
        conversation = write_json(record)
    except RecursionError:
        return Parsed(UNKNOWN, None, None, "", None, None, "malformed JSON: nested too deeply")
    if not isinstance(record, dict):
        reason = f"unknown format: the record is {_kind(record)}, not an object"
        return Parsed(UNKNOWN, None, None, conversation, None, None, reason)
    format_name, ingested_on = UNKNOWN, find_date(record)
    try:
        format_name, fields = _recognise(record, mapping)
        if format_name in CONVERSATION_FIELDS.values():
            turns = read_turns(record[fields[0]])
            instruction, response = join_turns(turns, "user"), join_turns(turns, "assistant")
            n_turns = sum(turn.role == "user" for turn in turns)
        else:
            instruction, response = _join_input(record, fields), _read_text(record, fields[-1], "response")
            n_turns = 1
        for name, text in (("instruction", instruction), ("response", response)):
            if text is None:
                raise FieldError(f"{name} is missing")
            if not text:
                raise FieldError(f"{name} is empty")
    except ValueError as error:
        return Parsed(format_name, None, None, conversation, None, ingested_on, str(error))
    return Parsed(format_name, instruction, response, conversation, n_turns, ingested_on, None)


def _recognise(record: dict[str, Any], mapping: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Find the format and the fields that hold it: the one of a conversation, or (instruction, *inputs, response)."""
    columns = tuple(mapping[role] for role in MAPPING_ROLES if role in mapping)
    if any(column in record for column in columns):
        return "mapped", columns
    # CSV files often write their header in capitals; the exact name wins.
    names = {name.strip().lower(): name for name in reversed(record)} | {name: name for name in record}
    for field, format_name in CONVERSATION_FIELDS.items():
        if field in names and record[names[field]] is not None:
            return format_name, (names[field],)
    # A field that is null counts as absent, as in a table that unites several formats.
    present = [name for name in names if record[names[name]] is not None]
    instruction = next((name for name in INSTRUCTION_FIELDS if name in present), None)
    response = next((name for name in RESPONSE_FIELDS if name in present), None)
    if instruction is None and response is None:
        if any(name in names for name in (*INSTRUCTION_FIELDS, *RESPONSE_FIELDS)):
            raise FieldError("instruction is missing")
        keys = ", ".join(clean(str(key))[:40] for key in list(record)[:10])
        raise FieldError(f"unknown format: keys {keys}" if keys else "unknown format: the record is empty")
    if instruction is None or (instruction == "input" and "instruction" in names):
        raise FieldError("instruction is missing")
    if response is None:
        raise FieldError("response is missing")
    inputs = [names[name] for name in CONTEXT_FIELDS if name in present and name != instruction]
    format_name = "alpaca" if instruction == "instruction" else f"{instruction}-{response}"
    return format_name, (names[instruction], *inputs, names[response])


def _join_input(record: dict[str, Any], fields: tuple[str, ...]) -> str | None:
    """Join the instruction and its inputs by blank lines; the instruction itself must not be empty."""
    instruction = _read_text(record, fields[0], "instruction")
    if not instruction:
        return instruction
    inputs = [_read_text(record, field, "input") for field in fields[1:-1]]
    return "\n\n".join([instruction, *(text for text in inputs if text and text.lower() != NO_INPUT)])


def _read_text(record: dict[str, Any], field: str, name: str) -> str | None:
    """Read a field as clean text; None if it is absent, null or NaN (a missing cell)."""
    value = record.get(field)
    if isinstance(value, bytes):
        value = decode(value) or value
    if value is None or value != value:
        return None
    if not isinstance(value, str):
        raise FieldError(f"{name} is {_kind(value)}, not text")
    return clean(value)


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object", str: "a text"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")
