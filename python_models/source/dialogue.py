"""The turns of a record in their order, wherever they stand: history, conversation, question, answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from python_models.source.answers import choose_answer, list_answers
from python_models.source.beside import add_beside
from python_models.source.contents import write_thoughts
from python_models.source.conversations import TurnError, is_conversation, parse_list, read_turns
from python_models.source.fields import FieldError, Fields, read_text
from python_models.source.names import CHOSEN_FIELDS, VARIANT_COLUMN
from python_models.source.options import find_numbered
from python_models.source.questions import join_question
from python_models.source.texts import clean, is_empty
from python_models.source.transcripts import begins_transcript, read_transcript
from python_models.source.turns import Turn

# Fields whose text may be a list of messages, as a table holds it; an answer that is JSON is an answer.
LIST_FIELDS = ("prompt", *CHOSEN_FIELDS)


def read_plain_texts(fields: Fields) -> tuple[str | None, str | None] | None:
    """Read question and answer where both are texts and nothing else was said; None if they are not so plain.

    Chooses the answer of ``fields`` on the way.

    Raises:
        FieldError: the record cannot be used; the message is the reason.
    """
    if fields.conversation is not None or _lists_exchanges(fields):
        return None
    _settle_answer(fields)
    if fields.history or not _is_plain(fields):
        return None
    instruction = join_question(fields) if fields.questions else None
    return instruction, read_text(fields.answers[0][1], "response") if fields.answers else None


def read_all(fields: Fields) -> list[Turn]:
    """Read the turns of a record for which ``read_plain_texts`` gives None.

    Raises:
        FieldError, TurnError: the record cannot be used; the message is the reason.
    """
    turns = [turn for value in fields.history for turn in _read_history(value)]
    if fields.conversation is not None:
        turns += read_turns(fields.conversation)
        is_preference = bool(fields.answers) and fields.answers[0][0] in CHOSEN_FIELDS
        if fields.answers and (is_preference or not _is_answered(turns)):
            _settle_answer(fields)
            turns = _add_answer(_open(turns) if fields.answers else turns, fields)
        return add_beside(turns, fields)
    return [*turns, *_read_exchanges(fields)] if _lists_exchanges(fields) else _read_columns(turns, fields)


def read_conversation(fields: Fields) -> list[Turn]:
    """Read the turns of a record in their order, up to the last answer that is to be learned.

    Raises:
        FieldError, TurnError: the record cannot be used; the message is the reason.
    """
    if (texts := read_plain_texts(fields)) is not None:
        return [Turn("user", texts[0]), Turn("assistant", texts[1])]
    return keep_learned(read_all(fields))


def read_rejected(fields: Fields, turns: list[Turn]) -> list[Turn]:
    """Read the answer that the author rejects, without the turns before it; [] if there is none.

    Args:
        fields: the filled fields of the record.
        turns: its conversation, with the answer that is preferred at the end.

    Raises:
        FieldError, TurnError: it is no answer to the same conversation.
    """
    if not fields.rejected:
        return []
    rejected = _add_answer([], replace(fields, answers=[("chosen", fields.rejected[0][1])]))
    if not rejected:  # a text, and no transcript
        return [Turn("assistant", read_text(fields.rejected[0][1], "rejected"))]
    if any(turn.role == "user" for turn in rejected):
        asked = [turn for turn in turns if turn.role != "system"]
        rejected = [turn for turn in rejected if turn.role != "system"]
        while rejected and asked and _is_same(rejected[0], asked[0]):
            del rejected[0], asked[0]
    if not rejected or any(turn.role == "user" for turn in rejected):
        raise FieldError("the rejected answer answers another conversation than the chosen one")
    return rejected


def keep_learned(turns: list[Turn]) -> list[Turn]:
    """Leave out what follows the last answer that is to be learned."""
    last = max((no for no, turn in enumerate(turns) if turn.role == "assistant" and not turn.not_learned), default=-1)
    return turns[: last + 1]


def _is_same(turn: Turn, asked: Turn) -> bool:
    """Say whether a turn is one of the conversation, whose first question may have texts before it."""
    return turn == asked or (turn.role == asked.role == "user" and (asked.text or "").endswith(turn.text or ""))


def _settle_answer(fields: Fields) -> None:
    answer = choose_answer(fields)
    fields.answers = [answer] if answer and not is_empty(answer[1]) else []
    if answer and fields.options and fields.answers and (option := find_numbered(fields)) is not None:
        fields.answers = [(answer[0], option)]
    if answer and fields.thoughts and isinstance(answer[1], str) and "<think>" not in answer[1]:
        fields.answers = [(answer[0], write_thoughts(clean(fields.thoughts[0]), clean(answer[1])))]


def _is_plain(fields: Fields) -> bool:
    """Say whether questions and answer are texts rather than turns."""
    for name, value in (*fields.questions, *fields.answers[:1]):
        if type(value) is not str:
            if isinstance(value, list | dict):
                return False
        elif begins_transcript(value) or (name in LIST_FIELDS and (value.lstrip()[:1] == "[" or not fields.questions)):
            return False
    return True


def _is_answered(turns: list[Turn]) -> bool:
    return bool(turns) and turns[-1].role == "assistant"


def _open(turns: list[Turn]) -> list[Turn]:
    """Give the turns up to the last question, whose answer stands elsewhere."""
    last = max((no for no, turn in enumerate(turns) if turn.role == "user"), default=len(turns) - 1)
    return turns[: last + 1] if _is_answered(turns) else turns


def _read_columns(history: list[Turn], fields: Fields) -> list[Turn]:
    """Read question and answer as turns: one of them may be TRL's list of messages, or a prompt with its marks."""
    for no, (name, value) in enumerate(fields.questions):
        turns = read_transcript(value, is_question=True) if isinstance(value, str) else None
        if turns is None and is_conversation(value, from_text=name in LIST_FIELDS):
            turns = value
        if turns is not None:
            fields.questions = [*fields.questions[:no], *fields.questions[no + 1 :]]
            return add_beside(_add_answer([*history, *read_turns(turns)], fields), fields)
    text = join_question(fields)
    return _add_answer([*history, Turn("user", text)] if fields.questions else history, fields)


def _list_exchanges(fields: Fields) -> tuple[list[Any], list[Any]]:
    """Find questions and answers in two lists of one length (CoQA; as text in the tables of an arena); else [], []."""
    if not fields.questions or not fields.answers or fields.questions[0][0] == "definition":
        return [], []
    asked, (name, answered) = fields.questions[0][1], fields.answers[0]
    if isinstance(answered, dict):
        answered = list_answers(answered)
    if isinstance(asked, str) and isinstance(answered, str) and VARIANT_COLUMN.fullmatch(name):
        asked, answered = parse_list(asked), parse_list(answered)
    if not (isinstance(asked, list) and isinstance(answered, list) and len(asked) == len(answered)):
        return [], []
    return (
        (asked, answered) if all(isinstance(text, str) and text.strip() for text in (*asked, *answered)) else ([], [])
    )


def _lists_exchanges(fields: Fields) -> bool:
    return fields.conversation is None and bool(_list_exchanges(fields)[0])


def _read_exchanges(fields: Fields) -> list[Turn]:
    pairs = zip(*_list_exchanges(fields), strict=True)
    turns = [turn for pair in pairs for turn in read_turns([list(pair)])]
    fields.questions = fields.questions[1:]
    return add_beside(turns, fields)


def _add_answer(turns: list[Turn], fields: Fields) -> list[Turn]:
    """Add the answer that stands outside the conversation; one that holds the whole conversation replaces it."""
    if not fields.answers:
        return turns
    name, value = fields.answers[0]
    if is_conversation(value, from_text=name in LIST_FIELDS):
        answer = read_turns(value)
        asked = {turn.text for turn in answer if turn.role == "user"}
        if asked and asked >= {turn.text for turn in turns if turn.role == "user"}:
            return [*(turn for turn in turns if turn.role == "system"), *answer]
        return [*turns, *answer]
    text = read_text(value, "response")
    if name in CHOSEN_FIELDS and (not turns or begins_transcript(text)):
        said = read_turns(read_transcript(text) or [])
        if said or not turns:
            return said
    return [*turns, Turn("assistant", text)] if text else turns


def _read_history(value: Any) -> list[Turn]:
    try:
        return read_turns(value)
    except TurnError as error:
        raise TurnError(f"history: {error}".replace("conversation is", "it is")) from None
