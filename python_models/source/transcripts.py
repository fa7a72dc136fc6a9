"""Conversations written out as one text, with the marks of a chat template or the names of who speaks."""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

from python_models.source.calls import write_calls
from python_models.source.conversations import parse_list
from python_models.source.roles import find_role
from python_models.source.texts import clean

Turns = list[dict[str, str]]


class Dialect(NamedTuple):
    """Beginning of a turn (its one group names who speaks), and whether something may stand before the first."""

    mark: re.Pattern[str]
    may_have_preamble: bool = False


DIALECTS = (
    Dialect(re.compile(r"<\|im_start\|>[ \t]*(\w+)[ \t]*\n"), True),
    Dialect(re.compile(r"<\|start_header_id\|>[ \t]*(\w+)[ \t]*<\|end_header_id\|>\n*"), True),
    Dialect(re.compile(r"<start_of_turn>[ \t]*(user|model)[ \t]*\n"), True),
    Dialect(re.compile(r"<\|(user|assistant|system|prompter|observation)\|>[ \t]*\n?"), True),
    Dialect(re.compile(r"(\[/?INST\]) ?"), True),
    Dialect(re.compile(r"\[\|(Human|AI)\|\] ?"), True),
    Dialect(re.compile(r"###[ \t]*(Human|Assistant|User|System):[ ]?"), True),  # OpenAssistant-Guanaco
    Dialect(re.compile(r"(?:^|(?<=\n))###[ \t]*(Instruction|Input|Response|Output):[ \t]*\n?"), True),  # Alpaca
    Dialect(re.compile(r"(?:^|\n\n)(Human|Assistant|System):[ ]?")),  # hh-rlhf
    Dialect(re.compile(r"(?:^|(?<=\s)|(?<=</s>))(USER|ASSISTANT|SYSTEM|FUNCTION RESPONSE):[ ]?")),  # Vicuna, Glaive
)
NAMES = {"[INST]": "user", "[/INST]": "assistant", "Input": "user", "Output": "assistant"}
SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>\s*", re.DOTALL)
# What a template puts before the whole and after a turn; what Alpaca's says above every instruction.
BEGIN = re.compile(r"\s*(?:<s>|<\|begin_of_text\|>|<bos>)?[ \t]*\n*")
END = re.compile(r"\s*(?:<\|(?:im_end|eot_id|endoftext|end_of_text|end)\|>|<end_of_turn>|</s>)\s*\Z")
PREAMBLE = re.compile(r"\s*Below is an instruction\b")
CALL = re.compile(r"\s*<functioncall>\s*")
# Nearly no text begins so: what does not is not looked at any further.
START = re.compile(
    r"\s*(?:<s>|<bos>)?\s*"
    r"(?:<\||<start_of_turn>|\[INST\]|\[\||###|Human:|USER:|SYSTEM:|System:|Below is an instruction)"
)


def begins_transcript(text: str) -> bool:
    """Say whether a text begins as a written conversation does."""
    return START.match(text) is not None


def read_transcript(text: str, is_question: bool = False, has_preamble: bool = False) -> Turns | None:
    """Read a conversation from its text: turns of role and content; None if it is not one for certain.

    Args:
        text: begins with the mark of a turn.
        is_question: it has to end where the assistant is to go on, as a prompt does whose answer stands elsewhere.
        has_preamble: anything may stand before the first mark: a system prompt.
    """
    if not (has_preamble or begins_transcript(text)):
        return None
    for dialect in DIALECTS:
        turns = _read(text, dialect, has_preamble)
        roles = [turn["role"] for turn in turns]
        if "user" not in roles or "assistant" not in roles:
            continue
        is_open = roles[-1] == "assistant" and not turns[-1]["content"].strip()
        if is_question and not is_open:
            return None
        return turns[:-1] if is_open else turns
    return None


def _read(text: str, dialect: Dialect, has_preamble: bool) -> Turns:
    marks = list(dialect.mark.finditer(text))
    if not marks:
        return []
    before = BEGIN.sub("", text[: marks[0].start()], count=1)
    is_template = PREAMBLE.match(before) is not None
    if before.strip() and not is_template and not (has_preamble and dialect.may_have_preamble):
        return []
    turns: Turns = [{"role": "system", "content": before}] if before.strip() and not is_template else []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        role = find_role(NAMES.get(mark[1], mark[1]))
        if role is None:
            return []
        content = END.sub("", text[mark.end() : end])
        if mark[1] == "[INST]" and (system := SYSTEM.match(content)):
            turns.append({"role": "system", "content": system[1]})
            content = content[system.end() :]
        if role == "assistant" and (call := CALL.match(content)):
            role, content = "function_call", _read_call(content[call.end() :])
        turns.append({"role": role, "content": content})
    return _join(turns)


def _read_call(text: str) -> str:
    """Read a call that is JSON or a Python literal; as it stands if it is neither."""
    call = parse_list(text)
    return write_calls(call) or text if call is not None else text


def _join(turns: Turns) -> Turns:
    """Join what the user says in several parts, such as instruction and input; an empty last turn of the user goes."""
    joined = []
    for role, group in groupby(turns, key=lambda turn: turn["role"]):
        texts = [turn["content"] for turn in group]
        joined.append(
            {"role": role, "content": "\n\n".join(filter(None, map(clean, texts))) if role == "user" else texts[0]}
        )
        joined += [{"role": role, "content": text} for text in texts[1:] if role != "user"]
    return joined[:-1] if joined and joined[-1]["role"] == "user" and not joined[-1]["content"].strip() else joined
