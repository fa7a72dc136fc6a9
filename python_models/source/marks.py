"""What the author of a record says of its worth: marks by which the whole record is not to be learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from python_models.source.names import CHOSEN_FIELDS, CONVERSATION_FIELDS, PLURAL_FIELDS, REJECTED_FIELDS

Filled = Mapping[str, list[tuple[str, Any]]]

# Words for an undesired record under a field that says how good it is.
UNDESIRED = frozenset(
    (
        *("false", "0", "undesirable", "undesired", "bad", "rejected", "negative", "discarded", "incorrect", "wrong"),
        *("dislike", "disliked", "thumbs_down", "thumbs down", "downvote", "downvoted", "-1"),
    )
)
# Such words under a field that can hold nothing but how good the record is.
VERDICTS = frozenset(("low", "poor", "fail", "failed", "invalid", "reject", "unacceptable"))
# Fields that hold a flag wherever the record has one answer, which stands elsewhere.
FLAGS = frozenset(("accepted", "approved", "liked", "disliked", "upvoted", "downvoted", "discarded", "rejected"))
NO, YES = frozenset(("false", "0", "no", "n")), frozenset(("true", "1", "yes", "y"))


def find_undesired(filled: Filled) -> str | None:
    """Find a mark that the answer of a record is a bad one: "is_bad is true"; None if there is none.

    A mark counts only beside an answer. Where a field may hold something else (an answer under ``accepted``, the number
    of an option under ``correct``), only a boolean is a mark.
    """
    if not any(filled.get(group) for group in ("answers", "conversations", "assistants", "variants")):
        return None
    for name, value in filled.get("labels", ()):
        if _is_bad_label(name, value, filled):
            return _name_mark(name, value, "false")
    is_pair = bool(filled.get("rejected")) and any(name in CHOSEN_FIELDS for name, _ in filled.get("answers", ()))
    for group, words, meaning in (("good", NO, "false"), ("bad", YES, "true")):
        for name, value in filled.get(group, ()):
            is_answer = is_pair and isinstance(value, str) and name in (*CHOSEN_FIELDS, *REJECTED_FIELDS)
            if not is_answer and _says(value, words, is_sure=_is_sure(name, filled)):
                return _name_mark(name, value, meaning)
    for name, value in filled.get("verdicts", ()):
        if isinstance(value, str) and value.strip().lower() in (UNDESIRED - NO) | VERDICTS:
            return _name_mark(name, value)
    return None


def is_mark(name: str, value: Any, filled: Filled) -> bool:
    """Say whether a value under "chosen" and the like marks something else, rather than being the chosen of a pair.

    A boolean says whether the record's answer is, a number which of several answers is; as text only where there is
    such an answer.
    """
    if name not in CHOSEN_FIELDS or filled.get("rejected"):
        return False
    answers = [other for other, _ in filled.get("answers", ()) if other not in CHOSEN_FIELDS]
    has_other = bool(answers or filled.get("conversations"))
    is_written = isinstance(value, str) and value.strip().lower() in NO | YES
    return isinstance(value, int) or (is_written and has_other)


def _is_bad_label(name: str, value: Any, filled: Filled) -> bool:
    """Say whether a label marks a bad answer: false; as text or number only where it is sure to be KTO's."""
    if value is False:
        return True
    names = {name for group in ("questions", "answers", "conversations") for name, _ in filled.get(group, ())}
    if name != "kto_tag" and not (names >= {"prompt", "completion"} or names & CONVERSATION_FIELDS.keys()):
        return False
    return str(value).strip().lower() in UNDESIRED


def _is_sure(name: str, filled: Filled) -> bool:
    """Say whether a name can hold nothing but a mark, so that 0 or "no" is one too."""
    if name in FLAGS:
        answers = filled.get("answers", ())
        is_one = any(isinstance(value, str) and other not in PLURAL_FIELDS | {name} for other, value in answers)
        return is_one or bool(filled.get("conversations"))
    return name.startswith("is_") or "desir" in name or name.startswith("thumbs_")


def _says(value: Any, words: frozenset[str], is_sure: bool) -> bool:
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in ("true", "false")) or is_sure:
        return str(value).strip().lower().removesuffix(".0") in words
    return False


def _name_mark(name: str, value: Any, meaning: str = "") -> str:
    text = str(value).strip().lower().removesuffix(".0")
    return f"{name} is {meaning if meaning and text in NO | YES else text}"
