"""The plainest records, read by a plan that is made once for each set of fields; whatever is unusual is left alone.

Nearly every record of nearly every dataset has the same few fields with texts in them. What is read here is exactly
what ``sorting`` and ``sample`` make of it: they decide wherever there is anything to decide.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from python_models.source.conversations import read_plain_turn
from python_models.source.dates import DATE_FIELDS
from python_models.source.dialogue import LIST_FIELDS
from python_models.source.names import CHOSEN_FIELDS, CONVERSATION_FIELDS, INPUT_FIELDS, PLURAL_FIELDS, find_columns
from python_models.source.questions import NO_OUTPUT, is_no_input
from python_models.source.sample import Sample
from python_models.source.sorting import ABOUT_TEXT
from python_models.source.texts import clean
from python_models.source.transcripts import begins_transcript

# A placeholder for no response is no longer than this.
PLACEHOLDER_CHARS = 40
# Groups of fields that say nothing where there are a question and an answer.
UNHEARD = ("sources", "targets", "texts", "keys")
# Questions that may be lists, or about the text of another field.
ODD_QUESTIONS = ("inputs", "definition", "questions")


class Plan(NamedTuple):
    """Names of the columns that hold turns, or question, data (None without such a column) and answer; the format."""

    turns: str | None
    question: str
    data: str | None
    answer: str
    format: str


def read_plain(record: dict[str, Any]) -> tuple[str, Sample] | None:
    """Read a record of turns, or of one question, perhaps data, and one answer, all of them texts: (format, sample).

    None if it is not so plain, which says nothing about whether it can be used.
    """
    plan = _find_plan(tuple(record))
    if plan is None:
        return None
    sample = _read_columns(record, plan) if plan.turns is None else _read_turns(record[plan.turns])
    if sample is None or (len(sample[1]) <= PLACEHOLDER_CHARS and NO_OUTPUT.fullmatch(sample[1])):
        return None
    return plan.format, sample


def _read_columns(record: dict[str, Any], plan: Plan) -> Sample | None:
    question, answer = record[plan.question], record[plan.answer]
    data = record[plan.data] if plan.data is not None else ""
    if not (type(question) is type(answer) is type(data) is str):
        return None
    instruction, response = clean(question), clean(answer)
    if not instruction or not response or begins_transcript(instruction):
        return None
    if plan.question in LIST_FIELDS and instruction[0] == "[":
        return None
    if data and (data := clean(data)) and not is_no_input(data):
        instruction = f"{instruction}\n\n{data}"
    return Sample(instruction, response, 1, None)


def _read_turns(turns: Any) -> Sample | None:
    if type(turns) is not list or not turns:
        return None
    said: dict[str, list[str]] = {"system": [], "user": [], "assistant": []}
    last = None
    for turn in turns:
        last = read_plain_turn(turn)
        if last is None or last.text is None:
            return None
        said[last.role].append(last.text)
    if last is None or last.role != "assistant" or not said["user"]:
        return None
    systems = "\n\n".join(dict.fromkeys(said["system"])) if said["system"] else None
    return Sample("\n\n".join(said["user"]), "\n\n".join(said["assistant"]), len(said["user"]), systems)


@lru_cache(maxsize=4_096)
def _find_plan(keys: tuple[str, ...]) -> Plan | None:
    """Make the plan of records with these fields; None if a field may say more than these do."""
    if any(name in DATE_FIELDS for name in keys):
        return None
    columns = [column for column in find_columns(keys) if column[0] not in UNHEARD]
    if len(columns) == 1 and columns[0][1] in CONVERSATION_FIELDS:
        _, name, key = columns[0]
        return Plan(key, "", None, "", CONVERSATION_FIELDS[name])
    questions = [(name, key) for group, name, key in columns if group == "questions" and name not in INPUT_FIELDS]
    data = [key for group, _, key in columns if group == "inputs"]
    answers = [(name, key) for group, name, key in columns if group == "answers"]
    others = [group for group, _, _ in columns if group not in ("questions", "inputs", "answers")]
    if others or len(questions) != 1 or len(data) > 1 or len(answers) != 1 or questions[0][0] in ODD_QUESTIONS:
        return None
    (question, question_key), (answer, answer_key) = questions[0], answers[0]
    if answer in CHOSEN_FIELDS or answer in PLURAL_FIELDS or (question in ABOUT_TEXT and "text" in keys):
        return None
    name = "alpaca" if question in ("instruction", "instructions") else f"{question}-{answer}"
    return Plan(None, question_key, data[0] if data else None, answer_key, name)
