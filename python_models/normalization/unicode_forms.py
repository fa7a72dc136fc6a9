"""Unicode normalization of tags: one way to write every character (https://unicode.org/reports/tr15)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import pyarrow as pa

SCHEMA = pa.schema([("text", pa.string()), ("normal_form", pa.string())])
# Invisible characters that only control the layout. The two joiners U+200C and U+200D carry meaning in Persian,
# Indic scripts and emoji, so they stay.
_INVISIBLE = re.compile("[\u0000\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
# Marks of ownership that would otherwise become letters (Python™ -> PythonTM).
_OWNERSHIP = re.compile("[\u00a9\u00ae\u2122]")


def normal_form(text: str) -> str:
    """NFKC form of a text without invisible characters: full-width, ligature and composed spellings become one."""
    visible = _OWNERSHIP.sub(" ", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFKC", visible)


def changed_forms(batches: Iterable[list[dict[str, str]]]) -> Iterator[pa.RecordBatch]:
    """Rows ``text``, ``normal_form`` for the texts that normalization changes.

    Args:
        batches: rows with the column ``text``.
    """
    for batch in batches:
        changed = [(row["text"], form) for row in batch if (form := normal_form(row["text"])) != row["text"]]
        if changed:
            yield pa.record_batch(
                [pa.array(column, pa.string()) for column in zip(*changed, strict=True)], schema=SCHEMA
            )
