"""The fields of one record: which of them hold a conversation, a question, an answer, and what the author marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from python_models.source.conversations import is_conversation
from python_models.source.doubled import Doubled
from python_models.source.names import (
    CHOSEN_FIELDS,
    CONVERSATION_FIELDS,
    INPUT_FIELDS,
    LOOSE_CONVERSATION_FIELDS,
    find_columns,
)
from python_models.source.segments import holds_segments, read_segments
from python_models.source.texts import clean, is_empty, read_scalar

UNKNOWN_FORMAT = "unknown"
# Groups of fields in which a text such as "[]" or "null" says nothing; elsewhere it may be an answer.
WRITTEN_GROUPS = frozenset(("conversations", "histories", "systems"))
# Labels of an undesired answer.
UNDESIRED = frozenset(("false", "0", "undesirable", "undesired", "bad", "rejected", "negative"))


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
    systems: list[Any] = field(default_factory=list)
    # Answers that the author rejects.
    rejected: list[tuple[str, Any]] = field(default_factory=list)
    # Which of several answers are preferred: a mark for each, or the number of one from 0.
    labels: list[Any] = field(default_factory=list)
    chosen_no: int | None = None
    # What is said of a record without an instruction or a response: "missing", or "empty" if the field is there.
    no_instruction: str = "missing"
    no_response: str = "missing"


def read_fields(record: dict[str, Any], mapping: Mapping[str, str]) -> Fields:
    """Sort the fields of a record; a field that holds nothing (null, NaN, blank, an empty list) counts as absent.

    Raises:
        FieldError: the author marks the record as undesired, two columns have one name, or no field is known.
    """
    if mapping and any(column in record for column in mapping.values()):
        return _read_mapped(record, mapping)
    for outer in ("input", "request", "body"):  # OpenAI's preferences and logs of calls
        inner = record.get(outer)
        if type(inner) is dict and any(name in inner for name in CONVERSATION_FIELDS):
            record = {**record, outer: None, **inner}
    columns = find_columns(tuple(record))
    filled: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for group, name, key in columns:
        value = record[key]
        if type(value) is Doubled:
            raise FieldError(f"two columns are named {name!r}, with different values")
        if not is_empty(value) and not (group in WRITTEN_GROUPS and _is_written_empty(value)):
            filled[group].append((name, value))
    for name, value in filled["labels"]:
        if _is_undesired(name, value, filled):
            raise FieldError(f"undesired: {name} is {_name_label(value)}")
    if not (filled["questions"] or filled["answers"]) and filled["users"] and filled["assistants"]:
        filled["questions"], filled["answers"] = filled["users"][:1], filled["assistants"][:1]
    fields = Fields(
        UNKNOWN_FORMAT,
        history=[value for _, value in filled["histories"]],
        answers=[(name, value) for name, value in filled["answers"] if not _is_number_of(name, value, filled)],
        systems=[value for _, value in filled["systems"]],
        rejected=filled["rejected"],
        labels=next((value for _, value in filled["marks"] if isinstance(value, list)), []),
        chosen_no=next((value for name, value in filled["answers"] if name == "chosen" and type(value) is int), None),
    )
    if any(name == "choices" and _are_completions(value) for name, value in filled["options"]):
        fields.answers += [(name, value) for name, value in filled["options"] if name == "choices"]
        filled["options"] = []
    for name, value in filled["conversations"]:
        is_alone = not (filled["questions"] and fields.answers)
        if _holds_turns(name, value) or (name in CONVERSATION_FIELDS and is_alone):
            fields.conversation = read_segments(value) if name == "segments" else value
            fields.format = (CONVERSATION_FIELDS | LOOSE_CONVERSATION_FIELDS)[name]
            return fields
    _add_questions(fields, filled, any(name == "instruction" for _, name, _ in columns))
    if not fields.questions:
        fields.no_instruction = _absence(record, columns, "questions")
    if not fields.answers:
        fields.no_response = _absence(record, columns, "answers")
    known = ("questions", "answers", "rejected", "conversations")
    if not fields.questions and not any(group in known for group, _, _ in columns):
        keys = ", ".join(clean(str(key))[:40] for key in list(record)[:10])
        raise FieldError(f"unknown format: keys {keys}" if keys else "unknown format: the record is empty")
    return fields


def _add_questions(fields: Fields, filled: dict[str, list[tuple[str, Any]]], has_instruction_column: bool) -> None:
    """Add what makes the instruction, and name the format after the first question and the answer."""
    questions = filled["questions"]
    # Data under an empty instruction has nobody who asks anything about it.
    if has_instruction_column and questions and questions[0][0] in ("input", "inputs"):
        questions = []
    first = questions[0][0] if questions else None
    fields.questions = [(name, value) for name, value in questions if name not in INPUT_FIELDS or name == first]
    fields.inputs = [value for name, value in filled["inputs"] if name != first]
    fields.options = filled["options"] or filled["letters"]
    if first == "instruction":
        fields.format = "alpaca"
    elif first and fields.answers:
        fields.format = f"{first}-{fields.answers[0][0]}"
    elif fields.answers and fields.answers[0][0] in CHOSEN_FIELDS:
        fields.format = fields.answers[0][0]


def _read_mapped(record: dict[str, Any], mapping: Mapping[str, str]) -> Fields:
    values = {role: record.get(column) for role, column in mapping.items()}
    for role, value in values.items():
        if type(value) is Doubled:
            raise FieldError(f"two columns are named {mapping[role]!r}, with different values")
    fields = Fields("mapped", inputs=[values["input"]] if not is_empty(values.get("input")) else [])
    if not is_empty(values["instruction"]):
        fields.questions = [("instruction", values["instruction"])]
    if not is_empty(values["response"]):
        fields.answers = [("response", values["response"])]
    fields.systems = [
        record[key] for group, _, key in find_columns(tuple(record)) if group == "systems" and not is_empty(record[key])
    ]
    fields.no_instruction = "missing" if values["instruction"] is None else "empty"
    fields.no_response = "missing" if values["response"] is None else "empty"
    return fields


def _is_undesired(name: str, value: Any, filled: Mapping[str, list[tuple[str, Any]]]) -> bool:
    """Say whether a label marks an answer as a bad one: false; as text or number only where it is sure to be KTO's."""
    if value is False:
        return True
    names = {name for group in ("questions", "answers", "conversations") for name, _ in filled.get(group, ())}
    if name != "kto_tag" and not (names >= {"prompt", "completion"} or names & CONVERSATION_FIELDS.keys()):
        return False
    return str(value).strip().lower() in UNDESIRED


def _name_label(value: Any) -> str:
    text = str(value).strip().lower()
    return "false" if text == "0" else text


def _is_number_of(name: str, value: Any, filled: Mapping[str, list[tuple[str, Any]]]) -> bool:
    """Say whether a number under "chosen" says which of several answers is, rather than being one of a pair."""
    return name in CHOSEN_FIELDS and isinstance(value, int) and not filled.get("rejected")


def _are_completions(choices: Any) -> bool:
    """Say whether ``choices`` are what OpenAI's service answers, not the options of a question."""
    return isinstance(choices, list) and all(isinstance(item, dict) and "message" in item for item in choices)


def _is_written_empty(value: Any) -> bool:
    """Say whether a text is how a table writes that there is nothing."""
    return isinstance(value, str) and value.strip().lower() in ("[]", "{}", "null", "none", "nan", "[null]", "[none]")


def _absence(record: dict[str, Any], columns: tuple[tuple[str, str, str], ...], group: str) -> str:
    values = [record[key] for known, name, key in columns if known == group and name not in ("input", *CHOSEN_FIELDS)]
    return "empty" if any(value is not None and value == value for value in values) else "missing"


def _holds_turns(name: str, value: Any) -> bool:
    """Say whether a field that may hold a conversation does: turns, pairs or texts in a list, or the text of one."""
    if name in CONVERSATION_FIELDS:
        return not isinstance(value, str) or value.lstrip()[:1] in ("[", "{")
    if not isinstance(value, list) or name == "segments":
        return name == "segments" and holds_segments(value)
    return is_conversation(value) or (
        name in ("data", "dialogue", "dialog") and len(value) > 1 and all(isinstance(item, str) for item in value)
    )


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
