"""Where the reasoning of a model ends and its answer begins."""

from __future__ import annotations

import json
import re

from python_models.llm.invalid_reply import QUOTED_CHARS, InvalidReply, quote

# What ends the reasoning of a model. The last one counts: a draft may talk about the mark itself.
_END_OF_REASONING = re.compile(
    r"</\s*(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think)\s*>"
    r"|\[/THINK\]|◁/think▷|<\|END_THINKING\|>|<\|end_of_thought\|>|<\|/think\|>"
    r"|<\|channel\|>\s*final\b[^{\[]{0,100}?<\|message\|>|<channel\|>|assistantfinal(?=[\s{\[`]|$)",
    re.IGNORECASE,
)
_START_OF_REASONING = re.compile(
    r"<\s*(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think)\s*>"
    r"|\[THINK\]|◁think▷|<\|START_THINKING\|>|<\|begin_of_thought\|>|<\|think\|>"
    r"|<\|channel\|?>\s*(?:analysis|commentary|thought)\b|\Aanalysis(?=[A-Z])",
    re.IGNORECASE,
)
FENCE = re.compile(r"\s*```[\w+-]*[ \t]*\r?\n?")

# The beginning of an object or a list as replies have them; other brackets are prose, code or formulas.
OPENING = re.compile(
    r"""\{\s*(?:\}|["“„«'](?:\\.|[^"”»'\\]){0,100}["”»“']\s*:|[A-Za-z_]\w{0,100}\s*:)|\[\s*(?:\]|["“„«'{])"""
)
_DECODER = json.JSONDecoder()


def after_reasoning(text: str) -> str:
    """What a model wrote after its reasoning; the text itself if it shows none.

    Raises:
        InvalidReply: ``truncated``: the text ends inside its reasoning; ``empty_reply``: nothing follows it.
    """
    text = text.strip().lstrip("\ufeff")
    fence = FENCE.match(text)
    if OPENING.match(text, start := fence.end() if fence else 0):
        return _after_draft(text, start)
    ends = [mark.end() for mark in _END_OF_REASONING.finditer(text)]
    rest = text[ends[-1] :].strip() if ends else text
    if _START_OF_REASONING.search(rest):
        raise InvalidReply("truncated", f"the reply ends inside its reasoning: …{quote(rest[-QUOTED_CHARS:])}")
    if ends and not rest:
        raise InvalidReply("empty_reply", "nothing follows the reasoning")
    return rest


def _after_draft(text: str, start: int) -> str:
    """The text behind a JSON value and an end of reasoning; else all: the value may speak of the marks in its strings.

    Some servers leave out the mark that begins the reasoning, and a draft may be all of it.
    """
    if not _END_OF_REASONING.search(text, start):
        return text
    try:
        _, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return text
    ends = [mark.end() for mark in _END_OF_REASONING.finditer(text, end)]
    rest = text[ends[-1] :].strip() if ends else ""
    return rest or text
