"""Stems of words, so that plural and verb forms of a tag count together.

The Snowball stemmers (Porter2 for English, https://snowballstem.org) do the work, through the ``snowballstemmer``
library; with PyStemmer installed it is their C implementation, with the same results and 40 times faster.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import pyarrow as pa
import snowballstemmer

from python_models.terminal import UserError

SCHEMA = pa.schema([("word", pa.string()), ("stem", pa.string())])
SCOPES = ("inflections", "families")
# Snowball takes a plural s only after a vowel: PDFs, LLMs and DVDs are plurals without one. The letter s itself is not
# among the consonants, so that CSS and SMS stay.
_ACRONYM_PLURAL = re.compile(r"[bcdfghjklmnpqrtvwxz]{3,}s")
# What number and gender add to the end of a word, without accents, in the order in which it is taken off.
_ROMANCE = (("es$|s$", ""), ("[aeo]$", ""))
_GERMANIC = (("(en|er|em|es|e|n|s)$", ""),)
_ENDINGS = {
    "spanish": _ROMANCE,
    "portuguese": _ROMANCE,
    "catalan": _ROMANCE,
    "french": (("^ux$|[sx]$", ""), ("^[lnt]?e+$|e+$", "")),  # généraux, quotidienne
    "italian": (("[aeio]$", ""),),
    "german": _GERMANIC,
    "dutch": _GERMANIC,
}
# Plurals that change the word before the ending: luces of luz, traduções of tradução.
_SINGULARS = {"spanish": ("ces$", "z"), "portuguese": ("(ões|ães)$", "ão")}
# Elsewhere an ending of one or two letters is number, gender or case; a longer one makes another word.
_ELSEWHERE = (("^.{1,2}$", ""),)


class StemmingError(UserError, ValueError):
    """A setting of the stemmer is unknown: the message names those that exist."""


def stem_words(words: Iterable[str], language: str, scope: str = "inflections") -> list[str]:
    """Stem every word, e.g. ``spelling`` and ``spells`` to ``spell``.

    Words with anything but letters and apostrophes (``c++``, ``node.js``, ``3d``) are returned as they are, and so are
    words of scripts that the stemmer does not know.

    Args:
        words: words in lower case, without white space.
        language: name of a Snowball algorithm, e.g. ``english``, ``spanish``, ``french``.
        scope: ``families`` for the stems of Snowball, which also join derived words (convert, conversion and
            conversation; custom and customer); ``inflections`` for forms of one word only: in English plural and verb
            forms; in Spanish, Portuguese, Catalan, French, Italian, German and Dutch number and gender; elsewhere
            endings of one or two letters.

    Raises:
        StemmingError: there is no such algorithm or scope.
    """
    if language not in snowballstemmer.algorithms():
        raise StemmingError(
            f"The variable stemming_language must name a Snowball stemmer, but it is {language!r}. "
            f"There are: {', '.join(sorted(snowballstemmer.algorithms()))}."
        )
    if scope not in SCOPES:
        raise StemmingError(f"The variable stemming_scope must be one of {', '.join(SCOPES)}, but it is {scope!r}.")
    given = list(words)
    asked = given
    if scope == "inflections" and language in _SINGULARS:
        asked = [re.sub(*_SINGULARS[language], word) for word in given]
    stems: list[str] = snowballstemmer.stemmer(language).stemWords(asked)
    return [_chosen(word, stem, language, scope) for word, stem in zip(asked, stems, strict=True)]


def _chosen(word: str, stem: str, language: str, scope: str) -> str:
    if _ACRONYM_PLURAL.fullmatch(word):
        return word[:-1]
    if not stem or not word.replace("'", "").isalpha():
        return word
    if scope == "families":
        return stem
    if language in {"english", "porter"}:
        return stem + _derivation(word, stem)
    return stem + _rest(word, stem, language)


def _rest(word: str, stem: str, language: str) -> str:
    """What the stemmer took from a word of another language beyond number and gender: ``cion`` of comunicaciones."""
    ending = _after_common(_without_accents(word), _without_accents(stem))
    for pattern, replacement in _ENDINGS.get(language, _ELSEWHERE):
        ending = re.sub(pattern, replacement, ending)
    return ending


def _after_common(word: str, stem: str) -> str:
    """The word from the first letter on in which it differs from its stem."""
    n_common = next((i for i, (a, b) in enumerate(zip(word, stem, strict=False)) if a != b), min(len(word), len(stem)))
    return word[n_common:]


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


def _derivation(word: str, stem: str) -> str:
    """What the stemmer took from an English word beyond plural and verb endings: ``ion`` of translations, or nothing.

    Two words of one stem are forms of one word if this is the same for both.
    """
    ending = _after_common(word, stem)
    last_common = word.removesuffix(ending)[-1:]
    ending = ending.removesuffix("'s").removesuffix("'")
    if ending.endswith("ies") and len(ending) > 3:
        ending = f"{ending[:-3]}y"
    elif ending.endswith("s") and not ending.endswith(("ss", "us", "is")):
        ending = ending[:-1]
    ending = ending.removesuffix("ing") if ending.endswith("ing") else ending.removesuffix("ed")
    ending = ending.removesuffix("e")
    is_doubled = ending == last_common  # plan-n-ing
    return "" if is_doubled or ending in {"y", "i", "d"} else ending  # strateg-y, code-d


def changed_words(batches: Iterable[list[dict[str, str]]], language: str, scope: str) -> Iterator[pa.RecordBatch]:
    """Rows ``word``, ``stem`` for the words that the stemmer changes.

    Args:
        batches: rows with the column ``word``.
        language, scope: as in :func:`stem_words`.
    """
    for batch in batches:
        words = [row["word"] for row in batch]
        stems = stem_words(words, language, scope)
        changed = [(word, stem) for word, stem in zip(words, stems, strict=True) if word != stem]
        if changed:
            yield pa.record_batch(
                [pa.array(column, pa.string()) for column in zip(*changed, strict=True)], schema=SCHEMA
            )
