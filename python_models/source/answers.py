"""The one answer of a field: a text, a number, the only one of a list, or the one that the author prefers."""

from __future__ import annotations

import re
from typing import Any

from python_models.source.texts import clean, is_empty, read_scalar

# Where the text of an answer stands that is an object.
_TEXT_FIELDS = ("text", "response", "answer", "output", "completion", "generated_text", "content", "value")
_MARKS = re.compile(r"\A\s*<s>|</s>\s*\Z")


class FieldError(ValueError):
    """A field of a record is not what a sample needs; the message is the reason for rejecting the record."""


def read_answer(name: str, value: Any, labels: Any = None) -> str:
    """Read the answer of a field.

    Args:
        name: of the field.
        value: a text, number or boolean; a list of them, or of objects with one; SQuAD's object of equally right texts.
        labels: which of the answers in a list are good (list of booleans, as long), if the author says so.

    Raises:
        FieldError: it is none of these, or there are several answers and the author prefers none.
    """
    texts = value.get("text") if isinstance(value, dict) else None
    if name == "answers" and isinstance(texts, list) and texts:
        value = texts
    if not isinstance(value, list):
        return read_text(value, "response")
    if isinstance(labels, list) and len(labels) == len(value) and all(isinstance(label, bool) for label in labels):
        value = _labelled_true(name, value, labels)
    answers = list(dict.fromkeys(_text_of(item) for item in value if not is_empty(item)))
    if len(answers) > 1 and name != "answers":  # QA datasets list equally right ones there
        raise FieldError(f"{name} holds {len(answers)} answers, and the author prefers none")
    return answers[0] if answers else ""


def _labelled_true(name: str, values: list[Any], labels: list[bool]) -> list[Any]:
    """The first good answer; of TRL's stepwise supervision, where completions are steps, all of them or none."""
    if name != "completions":
        if True not in labels:
            raise FieldError(f"undesired: no answer of {name} is labelled true")
        return [values[labels.index(True)]]
    if False in labels:
        raise FieldError(f"undesired: step {labels.index(False) + 1} of {name} is labelled false")
    return ["\n".join(_text_of(value) for value in values)]


def read_segments(value: Any) -> list[dict[str, Any]]:
    """Read Axolotl's segments as turns: those with ``label`` true are to be learned; none if it is something else."""
    if not isinstance(value, list) or not value:
        return []
    if not all(isinstance(item, dict) and isinstance(item.get("label"), bool) for item in value):
        return []
    if not all(isinstance(item.get("text"), str) for item in value):
        return []
    turns = [
        {"role": "assistant" if item["label"] else "user", "content": _MARKS.sub("", item["text"])} for item in value
    ]
    return [turn for turn in turns if turn["content"].strip()]


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
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object", str: "a text"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")


def _text_of(answer: Any) -> str:
    if isinstance(answer, dict):
        answer = next((answer[field] for field in _TEXT_FIELDS if not is_empty(answer.get(field))), answer)
    return read_text(answer, "response")
