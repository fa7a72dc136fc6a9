"""Which of the answers of a record is the one to be learned: the only one, or the one that its author prefers."""

from __future__ import annotations

from typing import Any

from python_models.source.calls import write_calls
from python_models.source.conversations import is_conversation, parse_list
from python_models.source.fields import FieldError, Fields
from python_models.source.names import PLURAL_FIELDS
from python_models.source.texts import is_empty

# Fields of an object that is one of several answers.
TEXT_FIELDS = ("text", "content", "value", "response", "output", "completion", "answer", "generation", "input_text")
# Marks of the answer that the author prefers, in the object that holds it.
MARK_FIELDS = ("label", "preferred", "chosen", "is_chosen", "is_best", "selected")
# Scores in that object, the higher the better: where the first are equal the next decides.
SCORE_FIELDS = ("overall_score", "score", "rating", "pm_score", "reward", "fine-grained_score")


def choose_answer(fields: Fields) -> tuple[str, Any] | None:
    """Choose the answer of a record: (field, value), the value a text, a number or turns; None if there is none.

    A list of one answer is that answer, several that are the same are one, a list of calls is all of them. Of others,
    the one is taken that is marked: by ``labels`` of the same length, by a mark in its own object, by its number from 0
    under ``chosen``, by its rank or its scores. Labelled ``completions`` are the steps of one answer (TRL's stepwise
    supervision): all of them, if all are good.

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
    if isinstance(value, dict):
        value = _as_list(value)
    if not isinstance(value, list) or is_conversation(value):
        return name, _read_answer(value)
    if value and all(isinstance(item, dict) and item.keys() >= {"name", "arguments"} for item in value):
        return name, write_calls(value)
    texts = [_read_answer(item) for item in value]
    if all(isinstance(item, dict) and "answer_start" in item for item in value):
        return name, texts[0]  # SQuAD lists answers that are equally right
    marks = fields.labels if len(fields.labels) == len(value) else [_find_mark(item) for item in value]
    if name == "completions" and marks is fields.labels and all(isinstance(text, str) for text in texts):
        if not all(marks):
            raise FieldError(f"undesired: step {[bool(mark) for mark in marks].index(False) + 1} is marked false")
        return name, "\n".join(texts)
    wanted = [text for text, mark in zip(texts, marks, strict=True) if mark and not is_empty(text)]
    if wanted:
        return name, wanted[0]
    if fields.chosen_no is not None and 0 <= fields.chosen_no < len(texts) and not is_empty(texts[fields.chosen_no]):
        return name, texts[fields.chosen_no]
    distinct = [text for i, text in enumerate(texts) if not is_empty(text) and text not in texts[:i]]
    best = _find_best(value, fields.scores)
    if len(distinct) > 1 and best is not None and not is_empty(texts[best]):
        return name, texts[best]
    if any(mark is not None for mark in marks):
        raise FieldError(f"undesired: every answer of {name} is marked false")
    if len(distinct) > 1:
        raise FieldError(f"{len(distinct)} answers in {name}, none preferred")
    return name, distinct[0] if distinct else None


def list_answers(value: dict[str, Any]) -> list[Any]:
    """Give the texts of an object of lists; an empty list if it is something else."""
    listed = _as_list(value)
    return [_read_answer(item) for item in listed] if isinstance(listed, list) else []


def _as_list(value: dict[str, Any]) -> Any:
    """Give the list of answers that an object holds: the reply of a service, or lists as Arrow holds objects."""
    listed = next((value[field] for field in ("choices", "candidates") if isinstance(value.get(field), list)), None)
    if listed is not None:
        return listed
    texts = next((value[field] for field in TEXT_FIELDS if isinstance(value.get(field), list)), None)
    if texts is None:
        return value
    columns = {key: column for key, column in value.items() if isinstance(column, list) and len(column) == len(texts)}
    return [dict(zip(columns, items, strict=True)) for items in zip(*columns.values(), strict=True)]


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


def _find_best(answers: list[Any], scores: list[Any]) -> int | None:
    """Find the one answer of the lowest rank or the highest scores; None if there is no such one."""
    if len(scores) == len(answers) and all(map(_is_number, scores)):
        values: list[Any] = scores
    elif not all(isinstance(answer, dict) for answer in answers):
        return None
    elif all(_is_number(answer.get("rank")) for answer in answers):
        values = [-answer["rank"] for answer in answers]
    else:
        shared = [field for field in SCORE_FIELDS if all(_is_number(answer.get(field)) for answer in answers)]
        values = [tuple(answer[field] for field in shared) for answer in answers]
    best = [no for no, value in enumerate(values) if value == max(values)]
    return best[0] if len(best) == 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
