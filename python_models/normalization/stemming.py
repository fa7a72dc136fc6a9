"""Stems of words, so that plural and verb forms of a tag count together.

The Snowball stemmers (Porter2 for English, https://snowballstem.org) do the work, through the ``snowballstemmer``
library; with PyStemmer installed it is their C implementation, with the same results and 40 times faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import snowballstemmer

from python_models.terminal import UserError

SCHEMA = pa.schema([("word", pa.string()), ("stem", pa.string())])
SCOPES = ("inflections", "families")
# Snowball takes a plural s only after a vowel: PDFs, LLMs and DVDs are plurals without one. The letter s itself is not
# among the consonants, so that CSS and SMS stay.
_ACRONYM_PLURAL = re.compile(r"[bcdfghjklmnpqrtvwxz]{3,}s")


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
            conversation; custom and customer); ``inflections`` for plural and verb forms only. Languages other than
            English know only families.

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
    stems: list[str] = snowballstemmer.stemmer(language).stemWords(given)
    is_narrow = scope == "inflections" and language in {"english", "porter"}
    return [_chosen(word, stem, is_narrow) for word, stem in zip(given, stems, strict=True)]


def _chosen(word: str, stem: str, is_narrow: bool) -> str:
    if _ACRONYM_PLURAL.fullmatch(word):
        return word[:-1]
    if not stem or not word.replace("'", "").isalpha():
        return word
    return stem + _derivation(word, stem) if is_narrow else stem


def _derivation(word: str, stem: str) -> str:
    """What the stemmer took from an English word beyond plural and verb endings: ``ion`` of translations, or nothing.

    Two words of one stem are forms of one word if this is the same for both.
    """
    n_common = next((i for i, (a, b) in enumerate(zip(word, stem, strict=False)) if a != b), min(len(word), len(stem)))
    ending = word[n_common:].removesuffix("'s").removesuffix("'")
    if ending.endswith("ies") and len(ending) > 3:
        ending = f"{ending[:-3]}y"
    elif ending.endswith("s") and not ending.endswith(("ss", "us", "is")):
        ending = ending[:-1]
    ending = ending.removesuffix("ing") if ending.endswith("ing") else ending.removesuffix("ed")
    ending = ending.removesuffix("e")
    is_doubled = ending == word[n_common - 1 : n_common]  # plan-n-ing
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
