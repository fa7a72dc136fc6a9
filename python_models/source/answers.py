"""Which of the answers of a record is the one to be learned: the only one, or the one that its author prefers."""

from __future__ import annotations

from typing import Any

from python_models.source.conversations import is_conversation, parse_list
from python_models.source.fields import FieldError, Fields
from python_models.source.names import PLURAL_FIELDS
from python_models.source.texts import is_empty

# Fields of an object that is one of several answers.
TEXT_FIELDS = ("text", "content", "value", "response", "output", "completion", "answer", "generation")
# Marks of the answer that the author prefers, in the object that holds it.
MARK_FIELDS = ("label", "preferred", "chosen", "is_chosen", "is_best", "selected")


def choose_answer(fields: Fields) -> tuple[str, Any] | None:
    """Choose the answer of a record: (field, value), the value a text, a number or turns; None if there is none.

    A list of one answer is that answer, several that are the same are one. Of others, the one is taken that is marked:
    by ``labels`` of the same length, by a mark in its own object, or by its number from 0 under ``chosen``. Labelled
    ``completions`` are the steps of one answer (TRL's stepwise supervision): all of them, if all are good.

    Raises:
        FieldError: several answers, of which none is preferred, or all are marked as undesired.
    """
    if not fields.answers:
        return None
    name, value = fields.answers[0]
    if type(value) is str:
        if name not in PLURAL_FIELDS or value.lstrip()[:1] != "[":
            return name, value
        value = parse_list(value) or value  # as CSV holds a list
    if name == "answers" and isinstance(value, dict):  # SQuAD lists answers that are equally right
        texts = value.get("text")
        return name, texts[0] if isinstance(texts, list) and texts else value
    if isinstance(value, dict):  # the reply of a service
        value = next((value[field] for field in ("choices", "candidates") if isinstance(value.get(field), list)), value)
    if not isinstance(value, list) or is_conversation(value):
        return name, _read_answer(value)
    texts = [_read_answer(item) for item in value]
    filled = [text for text in texts if not is_empty(text)]
    marks = fields.labels if len(fields.labels) == len(value) else [_find_mark(item) for item in value]
    if name == "completions" and marks is fields.labels and all(isinstance(text, str) for text in texts):
        if not all(marks):
            raise FieldError(f"undesired: step {[bool(mark) for mark in marks].index(False) + 1} is marked false")
        return name, "\n".join(texts)
    if any(mark is not None for mark in marks):
        wanted = [text for text, mark in zip(texts, marks, strict=True) if mark and not is_empty(text)]
        if not wanted:
            raise FieldError(f"undesired: every answer of {name} is marked false")
        return name, wanted[0]
    if fields.chosen_no is not None and 0 <= fields.chosen_no < len(texts) and not is_empty(texts[fields.chosen_no]):
        return name, texts[fields.chosen_no]
    distinct = [text for i, text in enumerate(filled) if text not in filled[:i]]
    if len(distinct) > 1:
        raise FieldError(f"{len(distinct)} answers in {name}, none preferred")
    return name, distinct[0] if distinct else None


def _read_answer(answer: Any) -> Any:
    """Give the text (or the turns) of an answer that is an object, such as Gemini's candidate; others as they are."""
    if not isinstance(answer, dict) or is_conversation(answer):
        return answer
    if is_conversation(answer.get("message")):  # OpenAI's choice
        return [answer["message"]]
    value = next((answer[field] for field in TEXT_FIELDS if not is_empty(answer.get(field))), None)
    if isinstance(value, dict):
        return [{"role": "assistant", "content": value}]
    return answer if value is None else value


def _find_mark(answer: Any) -> Any:
    """Find the boolean by which an answer's own object says whether it is preferred; None if it does not."""
    if not isinstance(answer, dict):
        return None
    return next((answer[field] for field in MARK_FIELDS if isinstance(answer.get(field), bool)), None)
