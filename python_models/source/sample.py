"""The sample that the fields of a record make: what the user asks, what the assistant answers."""

from __future__ import annotations

from typing import Any, NamedTuple

from python_models.source.answers import choose_answer, list_answers
from python_models.source.beside import add_beside
from python_models.source.contents import read_content, write_thoughts
from python_models.source.conversations import Turn, TurnError, is_conversation, parse_list, read_turns
from python_models.source.fields import FieldError, Fields, read_text
from python_models.source.names import CHOSEN_FIELDS, VARIANT_COLUMN
from python_models.source.options import find_numbered
from python_models.source.questions import NO_OUTPUT, join_question
from python_models.source.texts import clean, is_empty
from python_models.source.transcripts import begins_transcript, read_transcript

# Fields whose text may be a list of messages, as a table holds it; an answer that is JSON is an answer.
LIST_FIELDS = ("prompt", *CHOSEN_FIELDS)


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
    systems = [_read_system(value) for value in fields.systems] if fields.systems else []
    exchanges = _read_exchanges(fields) if fields.conversation is None else []
    if fields.conversation is None and not exchanges:
        _settle_answer(fields)
    if fields.conversation is None and not exchanges and not fields.history and _is_plain(fields):
        instruction = join_question(fields) if fields.questions else None
        response = read_text(fields.answers[0][1], "response") if fields.answers else None
        return _check(fields, instruction, response, 1, systems)
    turns = [turn for value in fields.history for turn in _read_history(value)]
    if fields.conversation is not None:
        turns += read_turns(fields.conversation)
        is_preference = bool(fields.answers) and fields.answers[0][0] in CHOSEN_FIELDS
        if fields.answers and (is_preference or not _is_answered(turns)):
            _settle_answer(fields)
            turns = _add_answer(_open(turns) if fields.answers else turns, fields)
        turns = add_beside(turns, fields)
    elif exchanges:
        turns += exchanges
    else:
        turns = _read_columns(turns, fields)
    systems += [turn.text or "" for turn in turns if turn.role == "system"]
    answers = [turn for turn in turns if turn.role == "assistant"]
    is_asked = any(turn.role == "user" for turn in turns)
    while turns and not (turns[-1].role == "assistant" and turns[-1].not_learned is None):
        turns.pop()
    if answers and not turns:
        marks = " or ".join(dict.fromkeys(turn.not_learned or "" for turn in answers))
        raise FieldError(f"nothing is to be learned: {marks} in every answer")
    if not answers and is_asked:
        raise FieldError(f"response is {fields.no_response}")
    instruction, response = _join(turns, "user"), _join([turn for turn in turns if not turn.not_learned], "assistant")
    return _check(fields, instruction, response, sum(turn.role == "user" for turn in turns), systems)


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


def _read_exchanges(fields: Fields) -> list[Turn]:
    """Read questions and answers in two lists of one length (CoQA, the text of such lists in a table of an arena)."""
    if not fields.questions or not fields.answers:
        return []
    (question, asked), (name, answered) = fields.questions[0], fields.answers[0]
    if isinstance(answered, dict):
        answered = list_answers(answered)
    if isinstance(asked, str) and isinstance(answered, str) and VARIANT_COLUMN.fullmatch(name):
        asked, answered = parse_list(asked), parse_list(answered)
    if not (isinstance(asked, list) and isinstance(answered, list) and len(asked) == len(answered)):
        return []
    if question == "definition":
        return []
    if not all(isinstance(text, str) and text.strip() for text in (*asked, *answered)):
        return []
    turns = [turn for pair in zip(asked, answered, strict=True) for turn in read_turns([list(pair)])]
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


def _read_system(value: Any) -> str:
    if isinstance(value, str):
        return clean(value.removeprefix("SYSTEM:"))  # Glaive
    try:
        return read_content(value).text
    except ValueError:
        return ""


def _join(turns: list[Turn], role: str) -> str | None:
    """Join the texts of a role's turns by blank lines; None without such a turn, empty if all are empty."""
    texts = [turn.text for turn in turns if turn.role == role]
    return "\n\n".join(text for text in texts if text) if texts else None
