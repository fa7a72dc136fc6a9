"""The conversation of a record: in a list of turns, in a text with the marks of a template, in a tree of messages."""

from __future__ import annotations

from typing import Any

from python_models.source.conversations import is_conversation
from python_models.source.fields import FieldError, Fields
from python_models.source.names import CONVERSATION_FIELDS, LOOSE_CONVERSATION_FIELDS
from python_models.source.segments import holds_segments, read_segments
from python_models.source.transcripts import read_transcript
from python_models.source.trees import follow_best, is_tree

LISTS_OF_TEXTS = ("data", "dialogue", "dialog")


def add_conversation(fields: Fields, filled: dict[str, list[tuple[str, Any]]], is_alone: bool) -> bool:
    """Find the conversation of a record, name the format after it, and say whether there is one.

    Args:
        fields: what else the record holds, questions and answers already found; a field that holds the conversation
            is no question any more.
        filled: the filled fields by group.
        is_alone: nothing else makes a sample, so that a conversation that cannot be read is the reason for refusing.
    """
    for name, value in filled["conversations"]:
        if _holds_turns(name, value) or (name in CONVERSATION_FIELDS and is_alone and not _is_transcript(value)):
            fields.conversation = read_segments(value) if name == "segments" else value
            fields.format = (CONVERSATION_FIELDS | LOOSE_CONVERSATION_FIELDS)[name]
            return True
        if isinstance(value, str) and (turns := read_transcript(value, has_preamble=True)):
            fields.conversation, fields.format = turns, "transcript"
            return True
    for name, value in fields.questions:
        if is_tree(value):
            fields.questions = [(other, text) for other, text in fields.questions if other != name]
            fields.conversation, fields.format = _climb(value), "tree"
            return True
    for value in fields.inputs:  # HelpSteer3 calls what was said before the answer its context
        if is_conversation(value) and not fields.questions:
            fields.inputs = [other for other in fields.inputs if other is not value]
            fields.conversation, fields.format = value, "messages"
            return True
    if fields.answers:
        return False
    for name, value in [*fields.questions[:1], *filled["texts"]]:
        if isinstance(value, str) and (turns := read_transcript(value, has_preamble=True)):
            fields.questions = [(other, text) for other, text in fields.questions if other != name]
            fields.conversation, fields.format = turns, "transcript"
            return True
    return False


def _is_transcript(value: Any) -> bool:
    return isinstance(value, str) and read_transcript(value, has_preamble=True) is not None


def _climb(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the turns of the best replies; where several are equally good, what comes before them is certain."""
    path, n_equal = follow_best(tree)
    if n_equal and len(path) < 2:
        raise FieldError(f"{n_equal} answers in replies, none preferred")
    return path


def _holds_turns(name: str, value: Any) -> bool:
    """Say whether a field that may hold a conversation does: turns, pairs or texts in a list, or the text of one."""
    if name in CONVERSATION_FIELDS:
        return not isinstance(value, str) or value.lstrip()[:1] in ("[", "{")
    if not isinstance(value, list) or name == "segments":
        return name == "segments" and holds_segments(value)
    return is_conversation(value) or (
        name in LISTS_OF_TEXTS and len(value) > 1 and all(isinstance(item, str) for item in value)
    )
