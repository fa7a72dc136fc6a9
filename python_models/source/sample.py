"""The sample that the fields of a record make: what the user asks, what the assistant answers."""

from __future__ import annotations

from typing import Any, NamedTuple

from python_models.source.contents import read_content
from python_models.source.dialogue import keep_learned, read_all, read_plain_texts
from python_models.source.fields import FieldError, Fields
from python_models.source.questions import NO_OUTPUT
from python_models.source.texts import clean
from python_models.source.turns import Turn


class Sample(NamedTuple):
    """A usable record: instruction and response are clean and not empty."""

    instruction: str
    response: str
    n_turns: int
    system_prompt: str | None


def make_sample(fields: Fields) -> Sample:
    """Make the sample of a record.

    All turns of the user are the instruction, all answers to be learned the response, each joined by blank lines. What
    follows the last answer that is to be learned is left out: nobody answers it.

    Raises:
        FieldError, TurnError: the record cannot be used; the message is the reason.
    """
    if (texts := read_plain_texts(fields)) is not None:
        return _check(fields, *texts, 1, read_systems(fields))
    turns = read_all(fields)
    systems = read_systems(fields) + [turn.text or "" for turn in turns if turn.role == "system"]
    answers = [turn for turn in turns if turn.role == "assistant"]
    is_asked = any(turn.role == "user" for turn in turns)
    turns = keep_learned(turns)
    if answers and not turns:
        marks = " or ".join(dict.fromkeys(turn.not_learned or "" for turn in answers))
        raise FieldError(f"nothing is to be learned: {marks} in every answer")
    if not answers and is_asked:
        raise FieldError(f"response is {fields.no_response}")
    instruction, response = _join(turns, "user"), _join([turn for turn in turns if not turn.not_learned], "assistant")
    return _check(fields, instruction, response, sum(turn.role == "user" for turn in turns), systems)


def read_systems(fields: Fields) -> list[str]:
    """Read the system prompts that stand beside the conversation."""
    return [_read_system(value) for value in fields.systems] if fields.systems else []


def _check(fields: Fields, instruction: str | None, response: str | None, n_turns: int, systems: list[str]) -> Sample:
    if instruction is None:
        raise FieldError(f"instruction is {fields.no_instruction}")
    if not instruction:
        raise FieldError("instruction is empty")
    if response is None:
        raise FieldError(f"response is {fields.no_response}")
    if not response:
        raise FieldError("response is empty")
    if NO_OUTPUT.fullmatch(response):
        raise FieldError("response is a placeholder for none")
    system_prompt = "\n\n".join(filter(None, dict.fromkeys(systems))) if systems else None
    return Sample(instruction, response, n_turns, system_prompt or None)


def _read_system(value: Any) -> str:
    if isinstance(value, str):
        return clean(value.removeprefix("SYSTEM:"))  # Glaive
    try:
        return read_content(value).text
    except ValueError:
        return ""


def _join(turns: list[Turn], role: str) -> str | None:
    """Join the texts of a role's turns by blank lines; None without such a turn, empty if all are empty."""
    texts = [turn.text for turn in turns if turn.role == role]
    return "\n\n".join(text for text in texts if text) if texts else None
