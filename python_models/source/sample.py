"""The sample that the fields of a record make: what the user asks, what the assistant answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

from python_models.source.answers import choose_answer
from python_models.source.contents import read_content
from python_models.source.conversations import TurnError, is_conversation, read_turns
from python_models.source.fields import FieldError, Fields, read_text
from python_models.source.names import CHOSEN_FIELDS
from python_models.source.questions import NO_OUTPUT, join_question
from python_models.source.texts import clean, is_empty
from python_models.source.turns import Turn

# Fields whose text may be a list of messages, as a table holds it; an answer that is JSON is an answer.
LIST_FIELDS = ("prompt", *CHOSEN_FIELDS)
TRANSCRIPT = re.compile(r"(?:^|\n\n)(Human|Assistant):[ \t]*")


class Sample(NamedTuple):
    """A usable record: instruction and response are clean and not empty."""

    instruction: str
    response: str
    n_turns: int
    system_prompt: str | None


def make_sample(fields: Fields) -> Sample:
    """Make the sample of a record.

    All turns of the user are the instruction, all answers to be learned the response, each joined by blank lines. What
    follows the last answer that is to be learned is left out: nobody answers it.

    Raises:
        FieldError, TurnError: the record cannot be used; the message is the reason.
    """
    if fields.conversation is None:
        _settle_answer(fields)
    if fields.conversation is None and not fields.history and _is_plain(fields):
        instruction = join_question(fields) if fields.questions else None
        response = read_text(fields.answers[0][1], "response") if fields.answers else None
        return _check(fields, instruction, response, 1, read_systems(fields))
    turns = _read_all(fields)
    systems = read_systems(fields) + [turn.text or "" for turn in turns if turn.role == "system"]
    answers = [turn for turn in turns if turn.role == "assistant"]
    is_asked = any(turn.role == "user" for turn in turns)
    turns = _learned(turns)
    if answers and not turns:
        marks = " or ".join(dict.fromkeys(turn.not_learned or "" for turn in answers))
        raise FieldError(f"nothing is to be learned: {marks} in every answer")
    if not answers and is_asked:
        raise FieldError(f"response is {fields.no_response}")
    instruction, response = _join(turns, "user"), _join([turn for turn in turns if not turn.not_learned], "assistant")
    return _check(fields, instruction, response, sum(turn.role == "user" for turn in turns), systems)


def read_systems(fields: Fields) -> list[str]:
    """Read the system prompts that stand beside the conversation."""
    return [_read_system(value) for value in fields.systems] if fields.systems else []


def read_conversation(fields: Fields) -> list[Turn]:
    """Read the turns of a record in their order, up to the last answer that is to be learned.

    Raises:
        FieldError, TurnError: the record cannot be used; the message is the reason.
    """
    if fields.conversation is None:
        _settle_answer(fields)
        if not fields.history and _is_plain(fields):
            answer = read_text(fields.answers[0][1], "response") if fields.answers else ""
            return [Turn("user", join_question(fields)), Turn("assistant", answer)]
    return _learned(_read_all(fields))


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
        while rejected and asked and rejected[0] == asked[0]:
            del rejected[0], asked[0]
    if not rejected or any(turn.role == "user" for turn in rejected):
        raise FieldError("the rejected answer answers another conversation than the chosen one")
    return rejected


def _read_all(fields: Fields) -> list[Turn]:
    turns = [turn for value in fields.history for turn in _read_history(value)]
    if fields.conversation is None:
        return _add_answer([*turns, *_read_question(fields)], fields)
    turns += read_turns(fields.conversation)
    if not _is_answered(turns) and fields.answers:
        _settle_answer(fields)
        turns = _add_answer(turns, fields)
    return turns


def _learned(turns: list[Turn]) -> list[Turn]:
    """Leave out what follows the last answer that is to be learned."""
    last = max((no for no, turn in enumerate(turns) if turn.role == "assistant" and not turn.not_learned), default=-1)
    return turns[: last + 1]


def _check(fields: Fields, instruction: str | None, response: str | None, n_turns: int, systems: list[str]) -> Sample:
    if instruction is None:
        raise FieldError(f"instruction is {fields.no_instruction}")
    if not instruction:
        raise FieldError("instruction is empty")
    if response is None:
        raise FieldError(f"response is {fields.no_response}")
    if not response:
        raise FieldError("response is empty")
    if NO_OUTPUT.fullmatch(response):
        raise FieldError("response is a placeholder for none")
    system_prompt = "\n\n".join(filter(None, dict.fromkeys(systems))) if systems else None
    return Sample(instruction, response, n_turns, system_prompt or None)


def _settle_answer(fields: Fields) -> None:
    answer = choose_answer(fields)
    fields.answers = [answer] if answer and not is_empty(answer[1]) else []


def _is_plain(fields: Fields) -> bool:
    """Say whether questions and answer are texts rather than turns."""
    for name, value in (*fields.questions, *fields.answers[:1]):
        if type(value) is not str:
            if isinstance(value, list | dict):
                return False
        elif name in LIST_FIELDS and (value.lstrip()[:1] == "[" or not fields.questions):
            return False
    return True


def _is_answered(turns: list[Turn]) -> bool:
    return bool(turns) and turns[-1].role == "assistant"


def _read_question(fields: Fields) -> list[Turn]:
    """Read the question as turns: TRL's list of messages in one of its fields, or the text of all."""
    for name, value in fields.questions:
        if is_conversation(value, from_text=name in LIST_FIELDS):
            return read_turns(value)
    text = join_question(fields)
    return [Turn("user", text)] if fields.questions else []


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
    if not turns and name in CHOSEN_FIELDS:
        return _read_transcript(text)
    return [*turns, Turn("assistant", text)] if text else turns


def _read_transcript(text: str) -> list[Turn]:
    """Read the text of a conversation as hh-rlhf writes it: ``Human: ...``, blank line, ``Assistant: ...``."""
    parts = TRANSCRIPT.split(text)[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [Turn(roles[name], clean(part)) for name, part in zip(parts[::2], parts[1::2], strict=True)]


def _read_history(value: Any) -> list[Turn]:
    try:
        return read_turns(value)
    except TurnError as error:
        raise TurnError(f"history: {error}".replace("conversation is", "it is")) from None


def _read_system(value: Any) -> str:
    if isinstance(value, str):
        return clean(value)
    try:
        return read_content(value).text
    except ValueError:
        return ""


def _join(turns: list[Turn], role: str) -> str | None:
    """Join the texts of a role's turns by blank lines; None without such a turn, empty if all are empty."""
    texts = [turn.text for turn in turns if turn.role == role]
    return "\n\n".join(text for text in texts if text) if texts else None
