"""The options of a question: how they are written below it, and which of them an answer names by its number."""

from __future__ import annotations

import re
from typing import Any

from python_models.source.conversations import parse_list
from python_models.source.fields import FieldError, Fields, kind_of, read_text
from python_models.source.texts import dump, is_empty


def write_options(fields: Fields) -> str:
    """Write the options of a question, one a line, marked as the answer names them."""
    if not fields.options:
        return ""
    values = dict(fields.options)
    if "options" in values or "choices" in values:
        lines = [_write_choice(value, fields) for value in values.values()]
        return "\n".join(dict.fromkeys(lines))
    return _write_marked({name.upper(): value for name, value in fields.options})


def _write_choice(choices: Any, fields: Fields) -> str:
    if isinstance(choices, dict):
        texts, labels = choices.get("text"), choices.get("label", choices.get("labels"))
        if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):  # ARC
            return _write_marked(dict(zip(map(str, labels), texts, strict=True)))
        return _write_marked({key: value for key, value in choices.items() if not is_empty(value)})
    if isinstance(choices, str) and (listed := parse_list(choices)) is not None:
        return _write_choice(listed, fields)
    if not isinstance(choices, list):
        return read_text(choices, "options")
    if all(isinstance(item, dict) for item in choices):
        keys = [next((item[key] for key in ("label", "key", "id") if key in item), None) for item in choices]
        texts = [next((item[key] for key in ("text", "value", "content") if key in item), None) for item in choices]
        if all(key is not None for key in keys) and all(text is not None for text in texts):
            return _write_marked(dict(zip(map(str, keys), texts, strict=True)))
        return "\n".join(dump(item) for item in choices)
    texts = [read_text(item, "option") for item in choices]
    answer = read_text(fields.answers[0][1], "response") if fields.answers else ""
    if re.fullmatch(r"[A-Z]", answer) and answer not in texts and not any(text.startswith(answer) for text in texts):
        return _write_marked({chr(ord("A") + i): text for i, text in enumerate(texts)})
    return "\n".join(texts)


def _write_marked(options: dict[str, Any]) -> str:
    lines = []
    for mark, value in options.items():
        if isinstance(value, list | dict):
            raise FieldError(f"option {mark} is {kind_of(value)}, not text")
        lines.append(f"{mark}. {read_text(value, 'option')}")
    return "\n".join(lines)


def find_numbered(fields: Fields) -> Any:
    """Find the option that an answer names by its number, which a person would not answer with; None if it names none.

    Numbers count from 0, as Hugging Face's class labels do; the number of options itself counts from 1.
    """
    answer, options = fields.answers[0][1], _list_options(fields)
    if isinstance(answer, bool | list | dict) or not options:
        return None
    text = read_text(answer, "response").removesuffix(".0")
    if not text.isdecimal() or any(text in (mark, str(option).strip()) for mark, option in options):
        return None
    number = int(text)
    return options[number - (number == len(options))][1] if number <= len(options) else None


def _list_options(fields: Fields) -> list[tuple[str | None, Any]]:
    """List the options of a question as (mark, text), the mark None where they have none."""
    if fields.options and fields.options[0][0] not in ("options", "choices"):
        return list(fields.options)
    value = fields.options[0][1] if fields.options else []
    if isinstance(value, str):
        value = parse_list(value) or []
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        labels = value.get("label")
        return list(zip(map(str, labels if isinstance(labels, list) else value["text"]), value["text"], strict=False))
    if isinstance(value, dict):
        return list(value.items())
    listed = value if isinstance(value, list) else []
    return [(None, item) for item in listed if isinstance(item, str | int | float)]
