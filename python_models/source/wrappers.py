"""JSON values that hold several records: arrays, and objects with a list of records under a name of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any

from python_models.source.conversations import is_turn
from python_models.source.names import CHOSEN_FIELDS, CONVERSATION_FIELDS, RECORD_FIELDS, RESPONSE_FIELDS

# Names under which a list of records is kept: LMFlow, FLAN, pandas, the Hugging Face viewer, one file for all splits.
WRAPPERS = frozenset(
    (
        *("data", "instances", "examples", "records", "rows", "items", "samples", "entries", "dataset"),
        *("train", "test", "validation", "valid", "dev", "eval", "train_sft", "test_sft", "train_prefs", "test_prefs"),
    )
)
# Names under which a record keeps several questions about one thing, which all have the fields beside the list.
NESTED = frozenset(("instances", "paragraphs", "qas", "qa", "qa_pairs", "qa_list", "questions"))
ANSWER_FIELDS = frozenset((*CONVERSATION_FIELDS, *CHOSEN_FIELDS, *RESPONSE_FIELDS))
# Fields of a turn of a conversation; an object with others as well is a record, such as a message in a table of them.
TURN_FIELDS = frozenset(
    (
        *("from", "role", "value", "content", "text", "name", "type", "parts", "id", "images", "status"),
        *("weight", "loss_weight", "loss", "train", "tool_calls", "function_call", "tool_call_id"),
        *("reasoning_content", "thinking"),
    )
)


def expand(value: Any, level: int = 0) -> Iterator[Any]:
    """Yield the records that a JSON value of a file holds; a value that is one record yields itself.

    Args:
        value: anything but a scalar may hold records.
        level: 0 for a value of the file, more inside arrays: a list of scalars there is one (unusable) record.
    """
    if isinstance(value, list):
        if value and not holds_records(value[0], level):
            yield value
            return
        for item in value:
            yield from expand(item, level + 1)
    elif isinstance(value, dict) and (records := _unpivot(value)) is not None:
        for item in records:
            yield from expand(item, level + 1)
    elif isinstance(value, dict) and may_wrap(tuple(value)):
        if isinstance(value.get("row"), dict) and "row_idx" in value:  # as the Hugging Face viewer hands rows out
            value = value["row"]
        lists = _find_lists(value)
        is_task = has_record_fields(value, lists) or any(name.lower() in NESTED for name in lists)
        for name in lists:
            task = {key: field for key, field in value.items() if key != name} if is_task else {}
            for item in value[name]:
                yield from expand({**task, **item} if isinstance(item, dict) else item, level + 1)
        inner = [] if lists or is_task else [name for name in value if _wraps(name, value[name])]
        for name in inner:  # {"data": {"train": [...]}}
            yield from expand(value[name], level)
        if not (lists or inner):
            yield value
    else:
        yield value


def _unpivot(value: dict[str, Any]) -> list[Any] | None:
    """Give the records of a table that is one object: by column, by id or split (pandas); None if it is none."""
    first = next(iter(value.values()), None)
    if not isinstance(first, list | dict) or is_turn(first):
        return None
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return [dict(zip(map(str, names), row, strict=False)) for row in rows]
    if isinstance(first, dict) and all(isinstance(item, dict) and has_record_fields(item) for item in value.values()):
        return list(value.values())
    if not may_be_table(tuple(value)):
        return None
    if isinstance(first, dict):
        ids = first.keys()
        if not all(isinstance(column, dict) and column.keys() == ids for column in value.values()):
            return None
        columns = [list(column.values()) for column in value.values()]
    else:
        columns = list(value.values())
        if not all(isinstance(column, list) and len(column) == len(first) for column in columns):
            return None
    if any(isinstance(cell, list | dict) for column in columns for cell in column):
        return None
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


@lru_cache(maxsize=4_096)
def may_wrap(names: tuple[str, ...]) -> bool:
    """Say whether an object with these fields may hold records: nearly none does, and this is quickly known."""
    return any(name.lower() in WRAPPERS or name.lower() in NESTED or name == "row_idx" for name in names)


@lru_cache(maxsize=4_096)
def may_be_table(names: tuple[str, ...]) -> bool:
    """Say whether an object with these fields may be a table by column: it has two fields of a record."""
    return sum(name.lower() in RECORD_FIELDS for name in names) > 1


def holds_records(first: Any, level: int) -> bool:
    """Say whether a list is one of records, by its first item; turns of a conversation make one record together."""
    if isinstance(first, dict):
        return not (is_turn(first) and first.keys() <= TURN_FIELDS)
    return isinstance(first, list) or level == 0


def has_record_fields(names: Iterable[str], but: Collection[str] = ()) -> bool:
    """Say whether an object with these fields is a record itself."""
    return any(name.lower() in RECORD_FIELDS and name not in but for name in names)


def _wraps(name: str, value: Any) -> bool:
    return name.lower() in WRAPPERS and isinstance(value, dict) and bool(_find_lists(value))


def _find_lists(value: dict[str, Any]) -> list[str]:
    """Find the fields of an object that hold its records; none if it is a record itself.

    Self-Instruct and Natural Instructions keep the ``instances`` of a task beside its instruction, SQuAD the questions
    about a paragraph in ``qas`` beside its text.
    """
    names = [name for name in value if name.lower() in WRAPPERS | NESTED and _is_list_of_records(value[name])]
    if any(name.lower() in ANSWER_FIELDS for name in value if name not in names):
        return [name for name in names if name.lower() == "instances"]
    nested = [name for name in names if name.lower() in NESTED]
    return nested or ([] if has_record_fields(value, names) else names)


def _is_list_of_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and holds_records(value[0], 1)
