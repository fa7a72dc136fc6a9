"""What the offline judge looks at in a response: each feature a pure function of the texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from python_models.embedded.languages import LANGUAGES, is_translation_wanted, language_of, script_of


@dataclass(frozen=True)
class Texts:
    """A sample as the features see it.

    Attributes:
        instruction, response: the texts.
        cosine: cosine of their embeddings.
    """

    instruction: str
    response: str
    cosine: float

    @cached_property
    def instruction_words(self) -> list[str]:
        """Words of the instruction in lower case."""
        return words_of(self.instruction)

    @cached_property
    def response_words(self) -> list[str]:
        """Words of the response in lower case."""
        return words_of(self.response)


# Han, kana and Hangul are written without spaces between words (or nearly so): each character counts as a word.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_IS_CJK = re.compile(f"[{_CJK}]")
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_N_GRAM = 4
_SHORTEST_CUT_WORDS = 8
_NEAR_COPY_COSINE = 0.9
_OFF_TOPIC_COSINE = 0.3
_COPIED_SHARE = 0.5
_CJK_WEIGHT = 0.5

_LEAKS = re.compile(
    r"^\s*#{2,}\s*(?:instruction|input|response|output)\b"
    r"|^\s*(?:user|human|assistant|system|ai)\s*:"
    r"|</?s>|<\|[a-z_]+\|>|\[/?inst\]|<<sys>>",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING = tuple(".!?…:;\"'”’»)]}>。！？；：」』）】`*_|~")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•·–]|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])\s*\S")
_CODE = re.compile(
    r"```|^\s{4,}\S|^\s*(?:def|class|import|from|return|SELECT|<\w+|#include|public|const|let|var)\b", re.M
)


def words_of(text: str) -> list[str]:
    """Words in lower case; a CJK character is a word."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def new(texts: Texts) -> float:
    """ln(1 + distinct words of the response that are neither function words of its language nor in the instruction)."""
    function_words = LANGUAGES[language_of(texts.response_words) or "english"]
    fresh = set(texts.response_words) - set(texts.instruction_words) - function_words
    return math.log1p(sum(_CJK_WEIGHT if _IS_CJK.match(word) else 1.0 for word in fresh))


def lines(texts: Texts) -> float:
    """ln(1 + line breaks of the response)."""
    return math.log1p(texts.response.strip().count("\n"))


def rep_sent(texts: Texts) -> float:
    """Share of the response's sentences that repeat an earlier one, 0 to 1."""
    sentences = [" ".join(words_of(part)) for part in _SENTENCE_END.split(texts.response)]
    counts = Counter(sentence for sentence in sentences if sentence)
    total = sum(counts.values())
    return (total - len(counts)) / total if total else 0.0


def hi_cos(texts: Texts) -> float:
    """How far the cosine is above 0.9: the response says the instruction again."""
    return max(0.0, texts.cosine - _NEAR_COPY_COSINE)


def off(texts: Texts) -> float:
    """How far the cosine is below 0.3: the response is about something else."""
    return max(0.0, _OFF_TOPIC_COSINE - texts.cosine)


def copy_all(texts: Texts) -> float:
    """Share of the response's word 4-grams that stand in the instruction, as far as it is above one half."""
    grams = _n_grams(texts.response_words)
    if not grams:
        return 0.0
    known = set(_n_grams(texts.instruction_words))
    return max(0.0, sum(gram in known for gram in grams) / len(grams) - _COPIED_SHARE)


def leak(texts: Texts) -> float:
    """1 if prompt markers or turn labels stand in the response ("### Instruction", "User:", "</s>"), else 0."""
    return float(bool(_LEAKS.search(texts.response)))


def trunc(texts: Texts) -> float:
    """1 if the response ends mid-sentence: 8 words or more, no closing mark, and neither code nor a list."""
    response = texts.response.rstrip()
    if len(texts.response_words) < _SHORTEST_CUT_WORDS or response.endswith(_CLOSING):
        return 0.0
    last_line = response.rsplit("\n", 1)[-1]
    return float(not (_LIST_ITEM.match(last_line) or _CODE.search(response)))


def lang(texts: Texts) -> float:
    """1 if the response is in another script or language than the instruction and no translation is asked for."""
    if is_translation_wanted(texts.instruction):
        return 0.0
    scripts = script_of(texts.instruction), script_of(texts.response)
    if None in scripts:
        return 0.0
    if scripts[0] != scripts[1]:
        return 1.0
    languages = language_of(texts.instruction_words), language_of(texts.response_words)
    return float(None not in languages and languages[0] != languages[1])


def _n_grams(words: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(_N_GRAM)), strict=False))


FEATURES: dict[str, Callable[[Texts], float]] = {
    "new": new,
    "lines": lines,
    "rep_sent": rep_sent,
    "hi_cos": hi_cos,
    "leak": leak,
    "off": off,
    "copy_all": copy_all,
    "trunc": trunc,
    "lang": lang,
}
"""The features by the names of the formula."""
