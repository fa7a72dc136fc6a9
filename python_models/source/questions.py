"""The instruction that several fields of a record make together: question, data it is about, options."""

from __future__ import annotations

import re
from typing import Any

from python_models.source.conversations import parse_list
from python_models.source.fields import FieldError, Fields, kind_of, read_text
from python_models.source.texts import dump, is_empty

# What Self-Instruct and its heirs write where there is no input, in any case, brackets or quotes.
NO_INPUT = re.compile(
    r"(?:no[ _-]?(?:additional |further |extra )?(?:inputs?|context)"
    r"(?: (?:is |was )?(?:needed|required|provided|given|necessary|available))?"
    r"|not? applicable|n/?a|(?:input: )?none(?: (?:needed|required|provided|given))?|null|nan|nil|empty)",
    re.IGNORECASE,
)
NO_OUTPUT = re.compile(r"[<(\[]\s*no[ _-]?(?:output|response|answer)\s*[>)\]]\.?", re.IGNORECASE)
# A prompt in which the instruction was written out for training already.
TEMPLATE = re.compile(r"###\s*(?:Instruction|Response|Input)|\[/?INST\]|<\|im_start\|>|Below is an instruction")


def is_no_input(text: str) -> bool:
    """Say whether a text is a placeholder for an input that is absent, such as ``<noinput>``, ``No input.`` or N/A."""
    return len(text) < 40 and NO_INPUT.fullmatch(text.strip(" \t\n<>()[]{}\"'.*-_")) is not None


def join_question(fields: Fields) -> str:
    """Join question, inputs and options of a record by blank lines; a text that repeats another is left out.

    Raises:
        FieldError: a field is not text.
    """
    if len(fields.questions) == 1 and not (fields.inputs or fields.options):
        return read_text(fields.questions[0][1], "instruction")
    questions: list[str] = []
    for _, value in fields.questions:
        text = read_text(value, "instruction")
        if not questions and not text:
            return ""
        if questions and TEMPLATE.search(text) and questions[0] in text:
            continue
        if any(text in other for other in questions):
            continue
        questions = [*(other for other in questions if other not in text), text]
    texts = [_read_input(value) for value in fields.inputs]
    inputs = [text for text in texts if text and not is_no_input(text)]
    options = _write_options(fields)
    return "\n\n".join([*questions, *inputs, *([options] if options else [])])


def _read_input(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):  # passages
        return "\n\n".join(read_text(item, "input") for item in value)
    return read_text(value, "input")


def _write_options(fields: Fields) -> str:
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
    if answer.isdecimal() and answer not in texts:
        # The number of an option: from 0 as Hugging Face's class labels count, from 1 if it is beyond those.
        first = int(int(answer) >= len(texts))
        return _write_marked({str(i): text for i, text in enumerate(texts, start=first)})
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
