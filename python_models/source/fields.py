"""The filled fields of one record by what they hold, and how the value of a field is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from python_models.source.texts import clean, read_scalar

UNKNOWN_FORMAT = "unknown"


class FieldError(ValueError):
    """A field of a record is not what a sample needs; the message is the reason for rejecting the record."""


@dataclass(slots=True)
class Fields:
    """The filled fields of a record by what they hold: (name, value), in the order in which they are used."""

    format: str
    conversation: Any = None
    history: list[Any] = field(default_factory=list)
    questions: list[tuple[str, Any]] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    options: list[tuple[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any]] = field(default_factory=list)
    # Answers that the author rejects.
    rejected: list[tuple[str, Any]] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    systems: list[Any] = field(default_factory=list)
    # Which of several answers are preferred: a mark or a score for each, or the number of one from 0.
    labels: list[Any] = field(default_factory=list)
    scores: list[Any] = field(default_factory=list)
    chosen_no: int | None = None
    # What is said of a record without an instruction or a response: "missing", or "empty" if the field is there.
    no_instruction: str = "missing"
    no_response: str = "missing"


def read_text(value: Any, name: str) -> str:
    """Read a filled field as clean text, a number or a boolean as it is written.

    Raises:
        FieldError: it is something else.
    """
    if isinstance(value, str):
        return clean(value)
    text = read_scalar(value)
    if text is None:
        raise FieldError(f"{name} is {kind_of(value)}, not text")
    return clean(text)


def kind_of(value: Any) -> str:
    """Name the kind of a value in a reason, such as "a list"."""
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
        str: "a text",
        bytes: "bytes",
    }
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")
