"""The sample that one record makes, whatever its format; or the reason why it makes none.

``docs/data.md`` lists the forms: Alpaca, ShareGPT, chat messages, preferences and pairs of columns, as LLaMA-Factory,
Axolotl, TRL, ms-swift, FastChat, OpenAI, Anthropic and Hugging Face publish them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from python_models.settings import SettingError
from python_models.source.conversations import TurnError, is_conversation
from python_models.source.dates import find_date
from python_models.source.fields import FieldError, kind_of
from python_models.source.plain import read_plain
from python_models.source.sample import Sample, make_sample
from python_models.source.sorting import read_fields
from python_models.source.texts import clean, write_json

MAPPING_ROLES = ("instruction", "input", "response")
UNKNOWN = "unknown"


class Parsed(NamedTuple):
    """What one record says.

    Attributes:
        format: alpaca, sharegpt, messages, a pair of columns such as question-answer, mapped, or unknown.
        instruction, response: clean text, not empty; None if the record cannot be used.
        conversation_json: the whole record as JSON text.
        n_turns: turns of the user; None if the record cannot be used.
        ingested_on: the record's own date (UTC), None if it has none.
        error: why it cannot be used, None if it can.
        system_prompt: what stands above the conversation; None if there is none, or if the record cannot be used.
    """

    format: str
    instruction: str | None
    response: str | None
    conversation_json: str
    n_turns: int | None
    ingested_on: date | None
    error: str | None
    system_prompt: str | None = None


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
    if type(record) is dict and not mapping and (plain := read_plain(record)) is not None:
        format_name, sample = plain
        instruction, response, n_turns, system_prompt = sample
        return Parsed(format_name, instruction, response, write_json(record), n_turns, None, None, system_prompt)
    return parse_any(record, mapping)


def parse_any(record: Any, mapping: Mapping[str, str]) -> Parsed:
    """Parse a record of whatever form; ``parse`` is the same, only quicker for the plainest."""
    format_name, ingested_on, conversation = UNKNOWN, None, ""
    try:
        conversation = write_json(record)
        if isinstance(record, list) and is_conversation(record):
            record = {"messages": record}
        if not isinstance(record, dict):
            raise FieldError(f"unknown format: the record is {kind_of(record)}, not an object")
        ingested_on = find_date(record)
        fields = read_fields(record, mapping)
        format_name = fields.format
        sample: Sample = make_sample(fields)
    except (FieldError, TurnError) as error:
        return Parsed(format_name, None, None, conversation, None, ingested_on, clean(str(error)))
    except RecursionError:
        return Parsed(UNKNOWN, None, None, conversation, None, None, "malformed JSON: nested too deeply")
    return Parsed(
        format_name,
        sample.instruction,
        sample.response,
        conversation,
        sample.n_turns,
        ingested_on,
        None,
        sample.system_prompt,
    )
