"""What stands beside a conversation: data that it is about, an instruction for the whole."""

from __future__ import annotations

from typing import Any

from python_models.source.conversations import is_conversation
from python_models.source.fields import FieldError, Fields, read_text
from python_models.source.questions import TEMPLATE, is_no_input, read_input
from python_models.source.transcripts import begins_transcript
from python_models.source.turns import Turn


def add_beside(turns: list[Turn], fields: Fields) -> list[Turn]:
    """Put the texts beside a conversation before what the user says first, but for those that the turns repeat.

    Many datasets repeat the first question, or write the whole out in a template: that adds nothing.
    """
    first = next((no for no, turn in enumerate(turns) if turn.role == "user"), None)
    if first is None:
        return turns
    question = turns[first].text or ""
    said = [_squeeze(turn.text or "") for turn in turns]
    texts: list[str] = []
    for text in [_read(value) for _, value in fields.questions]:
        squeezed = _squeeze(text)
        if is_no_input(text) or _is_template(text, said[first]) or any(squeezed in other for other in said):
            continue
        if squeezed.startswith(said[first]) or squeezed.endswith(said[first]):  # the question, and something else
            question, said[first] = text, squeezed
        else:
            texts.append(text)
    for text in [_read(value) for value in fields.inputs]:
        if not is_no_input(text) and not any(_squeeze(text) in other for other in (*said, *map(_squeeze, texts))):
            texts.append(text)
    text = "\n\n".join([*texts, question])
    return [*turns[:first], turns[first]._replace(text=text), *turns[first + 1 :]]


def _read(value: Any) -> str:
    """Read a text or passages; empty if it is anything else, such as a number or turns that are read elsewhere."""
    if is_conversation(value) or not isinstance(value, str | list | dict):
        return ""
    try:
        return read_text(value, "") if isinstance(value, str) else read_input(value)
    except FieldError:
        return ""


def _squeeze(text: str) -> str:
    """A text without what differs between copies of it: white space and capitals."""
    return " ".join(text.split()).casefold()


def _is_template(text: str, question: str) -> bool:
    return (TEMPLATE.search(text) is not None or begins_transcript(text)) and question in _squeeze(text)
