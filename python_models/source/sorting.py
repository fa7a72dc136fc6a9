"""Which fields of a record hold a conversation, a question, an answer, and what the author marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from python_models.source.conversations import is_conversation
from python_models.source.doubled import Doubled
from python_models.source.fields import UNKNOWN_FORMAT, FieldError, Fields
from python_models.source.marks import find_undesired, is_mark
from python_models.source.names import (
    CHOSEN_FIELDS,
    CONVERSATION_FIELDS,
    INPUT_FIELDS,
    PASSAGE_FIELDS,
    PREFERENCE_FIELDS,
    find_columns,
)
from python_models.source.questions import TEMPLATE
from python_models.source.texts import clean, is_empty
from python_models.source.trees import is_tree
from python_models.source.turn_fields import add_conversation
from python_models.source.variants import NotPreferredError, prefer

Columns = tuple[tuple[str, str, str], ...]
Filled = dict[str, list[tuple[str, Any]]]

# Groups of fields in which a text such as "[]" or "null" says nothing; elsewhere it may be an answer.
WRITTEN_GROUPS = frozenset(("conversations", "histories", "systems"))
WRITTEN_EMPTY = frozenset(("[]", "{}", "null", "none", "nan", "[null]", "[none]"))
# Questions that may be about a ``text`` beside them.
ABOUT_TEXT = ("question", "query", "questions")
# Fields of a question that is an object.
STEMS = ("stem", "full_text", "text", "question", "content")
# Pairs of groups that count only if nothing else is asked and answered.
PAIRS = (("users", "assistants"), ("sources", "targets"))


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
    filled = _find_filled(record, columns)
    if mark := find_undesired(filled):
        raise FieldError(f"undesired: {mark}")
    _settle_variants(record, filled)
    fields = Fields(
        UNKNOWN_FORMAT,
        history=[value for _, value in filled["histories"]],
        answers=[(name, value) for name, value in filled["answers"] if not is_mark(name, value, filled)],
        thoughts=[value for _, value in filled["thoughts"] if isinstance(value, str) and " " in value.strip()],
        systems=[value for _, value in filled["systems"]],
        rejected=[(name, value) for name, value in filled["rejected"] if not isinstance(value, bool)],
        labels=_find_list(filled["marks"]),
        scores=_find_list(filled["ratings"]),
        chosen_no=next((value for name, value in filled["answers"] if name == "chosen" and type(value) is int), None),
    )
    for questions, answers in PAIRS:
        is_other = filled["questions"] or any(name not in ("target", "targets") for name, _ in fields.answers)
        if filled[questions] and filled[answers] and not is_other:
            filled["questions"], fields.answers = filled[questions][:1], filled[answers][:1]
    if not fields.questions and not filled["questions"] and filled["variants"]:
        _ask_history(fields, filled)
    _settle_options(fields, filled)
    is_asked = bool(filled["questions"])
    _add_questions(fields, filled, any(name == "instruction" for _, name, _ in columns))
    if add_conversation(fields, filled, is_alone=not (is_asked and fields.answers)):
        return fields
    if not fields.questions:
        fields.no_instruction = _absence(record, columns, "questions")
    if not fields.answers:
        fields.no_response = _absence(record, columns, "answers")
    known = ("questions", "answers", "rejected", "conversations")
    if not fields.questions and not fields.answers and not any(group in known for group, _, _ in columns):
        if record.keys() >= {"parent_id", "role", "text"}:
            raise FieldError("one message of a conversation whose others are records of their own: join them first")
        keys = ", ".join(clean(str(key))[:40] for key in list(record)[:10])
        raise FieldError(f"unknown format: keys {keys}" if keys else "unknown format: the record is empty")
    return fields


def _find_filled(record: dict[str, Any], columns: Columns) -> Filled:
    """Find the known fields that hold something, by group."""
    filled: Filled = defaultdict(list)
    for group, name, key in columns:
        value = record[key]
        if type(value) is Doubled:
            raise FieldError(f"two columns are named {name!r}, with different values")
        if is_empty(value) or (group in WRITTEN_GROUPS and isinstance(value, str) and _is_written_empty(value)):
            continue
        if name not in PASSAGE_FIELDS or isinstance(value, str | list | dict):
            filled[group].append((name, value))
    return filled


def _settle_variants(record: dict[str, Any], filled: Filled) -> None:
    """Take the preferred of several answers in columns of their own for the answer, unless there is another one."""
    if len(filled["variants"]) < 2 or filled["rejected"]:
        return
    if any(name not in PREFERENCE_FIELDS or isinstance(value, list | dict) for name, value in filled["answers"]):
        return
    try:
        answer = prefer(record, filled["variants"])
    except NotPreferredError as error:
        if filled["answers"] or filled["conversations"]:
            return
        raise FieldError(str(error)) from None
    if answer and answer[0].startswith("conversation"):
        filled["conversations"].insert(0, ("conversation", answer[1]))
    elif answer:
        filled["answers"] = [answer]


def _ask_history(fields: Fields, filled: Filled) -> None:
    """Take a history that is a text for the question: SHP calls the post that is answered so."""
    texts = [value for _, value in filled["histories"] if isinstance(value, str) and value.lstrip()[:1] != "["]
    if texts:
        filled["questions"], fields.history = [("prompt", texts[0])], []


def _settle_options(fields: Fields, filled: Filled) -> None:
    """Find the options of a question, and the right one of them if there is no other answer."""
    if any(name == "choices" and _are_completions(value) for name, value in filled["options"]):
        fields.answers += [(name, value) for name, value in filled["options"] if name == "choices"]
        filled["options"] = []
    for no, (name, value) in enumerate(filled["questions"]):  # ARC: {"stem": ..., "choices": [...]}
        stem = next((key for key in STEMS if isinstance(value.get(key), str)), "") if isinstance(value, dict) else ""
        if stem and not (is_conversation(value) or is_tree(value)):
            filled["questions"][no] = name, value[stem]
            if not (filled["options"] or is_empty(value.get("choices"))):
                filled["options"] = [("choices", value["choices"])]
    fields.options = filled["options"] or filled["letters"]
    if fields.options and not fields.answers:
        fields.answers = [(name, value) for name, value in filled["keys"] if isinstance(value, str | int | float)][:1]


def _add_questions(fields: Fields, filled: Filled, has_instruction_column: bool) -> None:
    """Add what makes the instruction, and name the format after the first question and the answer."""
    questions = filled["questions"]
    # Data under an empty instruction has nobody who asks anything about it.
    if has_instruction_column and questions and questions[0][0] in ("input", "inputs"):
        questions = []
    first = questions[0][0] if questions else None
    fields.questions = [(name, value) for name, value in questions if name not in INPUT_FIELDS or name == first]
    fields.inputs = [value for name, value in filled["inputs"] if name != first]
    if first in ABOUT_TEXT:  # about a text, unless the text is the whole in a template
        fields.inputs += [
            value
            for _, value in filled["texts"]
            if isinstance(value, str) and not TEMPLATE.search(value) and str(questions[0][1]).strip() not in value
        ]
    if first in ("instruction", "instructions"):
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


def _find_list(filled: list[tuple[str, Any]]) -> list[Any]:
    return next((value for _, value in filled if isinstance(value, list)), [])


def _are_completions(choices: Any) -> bool:
    """Say whether ``choices`` are what OpenAI's service answers, not the options of a question."""
    return isinstance(choices, list) and all(isinstance(item, dict) and "message" in item for item in choices)


def _is_written_empty(text: str) -> bool:
    """Say whether a text is how a table writes that there is nothing."""
    return text.strip().lower() in WRITTEN_EMPTY


def _absence(record: dict[str, Any], columns: Columns, group: str) -> str:
    values = [record[key] for known, name, key in columns if known == group and name not in ("input", *CHOSEN_FIELDS)]
    return "empty" if any(value is not None and value == value for value in values) else "missing"
