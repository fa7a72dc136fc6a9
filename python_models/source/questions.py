"""The instruction that several fields of a record make together: question, data it is about, options."""

from __future__ import annotations

import re
from typing import Any

from python_models.source.fields import Fields, read_text
from python_models.source.options import write_options
from python_models.source.texts import is_empty

# What Self-Instruct and its heirs write where there is no input, in any case, brackets or quotes.
NO_INPUT = re.compile(
    r"(?:no[ _-]?(?:additional |further |extra )?(?:inputs?|context)"
    r"(?: (?:is |was )?(?:needed|required|provided|given|necessary|available))?"
    r"|not? applicable|n/?a|(?:input: )?none(?: (?:needed|required|provided|given))?|null|nan|nil|empty)",
    re.IGNORECASE,
)
NO_OUTPUT = re.compile(r"[<(\[]\s*no[ _-]?(?:output|response|answer)\s*[>)\]]\.?", re.IGNORECASE)
# Fields of an object that holds what a question is about.
PASSAGE_FIELDS = ("text", "passage_text", "contexts", "sentences", "paragraph_text", "content", "passage", "document")
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
    if len(fields.questions) == 1 and not (fields.inputs or fields.options) and fields.questions[0][0] != "definition":
        return read_text(fields.questions[0][1], "instruction")
    questions: list[str] = []
    for name, value in fields.questions:
        text = read_input(value) if name == "definition" else read_text(value, "instruction")
        if not questions and not text:
            return ""
        if questions and TEMPLATE.search(text) and questions[0] in text:
            continue
        if any(text in other for other in questions):
            continue
        questions = [*(other for other in questions if other not in text), text]
    texts = [read_input(value) for value in fields.inputs]
    inputs = [text for text in texts if text and not is_no_input(text)]
    options = write_options(fields)
    return "\n\n".join([*questions, *inputs, *([options] if options else [])])


def read_input(value: Any) -> str:
    """Read what a question is about: a text, or passages as texts, as objects with a text, as an object of lists.

    Raises:
        FieldError: it is something else.
    """
    if isinstance(value, dict):
        value = next((value[field] for field in PASSAGE_FIELDS if not is_empty(value.get(field))), value)
    if isinstance(value, list) and all(isinstance(item, str | list | dict) for item in value):
        return "\n\n".join(filter(None, (read_input(item) for item in value)))
    return read_text(value, "input")
