"""Reviews of tags: the file that a person fills in with a spreadsheet, and the verdicts that come back in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5
from io import StringIO
from pathlib import Path
from typing import Any

from python_models.terminal import UserError, shown
from python_models.whole_file import whole_file

COLUMNS = (
    "instruction",  # first: a spreadsheet that takes another sign for the delimiter still reads its quotes
    "raw_tag",
    "raw_verdict",
    "normalized_tag",
    "normalized_verdict",
    "sample_id",
    "raw_id",
    "normalized_id",
)
"""Columns of the file to fill in."""

SEED_COLUMNS = ("review_id", "sample_id", "tag", "is_right")

_VERDICTS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_MOST_CHARS = 2_000
_NAMED_PROBLEMS = 5
_SIGNS = "=+\\-@＝＋－＠"
# At the start of a cell, and after what another spreadsheet may take for its end.
_FORMULA = re.compile(rf"(?:^|(?<=[;,\t\r\n|]))(?='*[ ]*[{_SIGNS}])")
_MADE_HARMLESS = re.compile(rf"(?:^|(?<=[;,\t\r\n|]))'(?='*[ ]*[{_SIGNS}])")


class ReviewError(UserError, ValueError):
    """A file of reviews that cannot be taken: names the rows and what to do."""


@dataclass(frozen=True)
class Verdict:
    """A person's word on a sample and one of its tags.

    Attributes:
        sample_id: the sample.
        tag: the tag, raw or normalized.
        is_right: whether it fits the sample's instruction.
    """

    sample_id: str
    tag: str
    is_right: bool


def review_id(sample_id: str, tag: str) -> str:
    """Name of a sample and a tag in a review, as the macro REVIEW_ID makes it in SQL: r and 16 hexadecimal digits."""
    return "r" + md5(f"{sample_id}{tag}".encode(), usedforsecurity=False).hexdigest()[:16]


def harmless(text: str) -> str:
    """Text that no spreadsheet computes: an apostrophe before each sign that a formula could begin with."""
    return _FORMULA.sub("'", text)


def as_it_was(text: str) -> str:
    """What ``harmless`` was given."""
    return _MADE_HARMLESS.sub("", text)


def write_review(rows: Iterable[Mapping[str, Any]], verdicts: Mapping[str, Verdict], path: Path) -> int:
    """Write the file to fill in: CSV, UTF-8, a row per sample and raw tag.

    Args:
        rows: rows of ``tag_review_sample``.
        verdicts: what is known, by review id; it stands in the file already.
        path: the file, written as a whole.

    Returns:
        The number of rows.

    Raises:
        OSError: it cannot be written.
    """
    n_rows = 0
    with whole_file(path) as partial, partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for row in rows:
            text = shown(row["instruction"])
            text = text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} ..."
            normalized = row["normalized_tag"] or ""
            words = [_word(verdicts.get(row[name] or "")) for name in ("raw_id", "normalized_id")]
            tags = (harmless(row["raw_tag"]), words[0], harmless(normalized), words[1])
            ids = (row["sample_id"], row["raw_id"], row["normalized_id"] or "")
            # Its quotes are always read, as it is the first cell: only its start could be computed.
            writer.writerow((f"'{text}" if _FORMULA.match(text.lstrip()) else text, *tags, *ids))
            n_rows += 1
    return n_rows


def read_review(path: Path, known_tags: Callable[[set[str]], Mapping[str, str]]) -> dict[str, Verdict]:
    """The verdicts of a filled file, by review id. An empty cell is no verdict.

    Args:
        path: the file as a spreadsheet saved it: with commas, semicolons or tabs, UTF-8 or UTF-16.
        known_tags: gives the tags of review ids whose text a spreadsheet has changed (``1/2`` becomes a date).

    Raises:
        ReviewError: the file is no such file, or rows of it cannot be understood: nothing of it is taken then.
        OSError: it cannot be read.
    """
    verdicts: dict[str, Verdict] = {}
    places: dict[str, int] = {}
    problems: list[str] = []
    changed: set[str] = set()
    for number, row in enumerate(_read_rows(path), 2):
        for kind in ("raw", "normalized"):
            word, key = (row[f"{kind}_{name}"].strip() for name in ("verdict", "id"))
            if not word:
                continue
            sample_id, tag = row["sample_id"].strip(), as_it_was(row[f"{kind}_tag"])
            verdict = Verdict(sample_id, tag, _VERDICTS.get(word.lower(), False))
            if word.lower() not in _VERDICTS:
                problems.append(f"row {number}: {kind}_verdict is {word!r}; write yes or no, or leave it empty.")
            elif not key:
                problems.append(f"row {number}: there is no {kind} tag to judge, but {kind}_verdict is {word!r}.")
            elif key in verdicts and verdicts[key].is_right != verdict.is_right:
                problems.append(f"row {number}: {tag!r} is judged otherwise than in row {places[key]}.")
            else:
                verdicts[key], places[key] = verdict, number
                changed |= {key} if review_id(sample_id, tag) != key else set()
    tags = known_tags(changed) if changed else {}
    for key in sorted(changed, key=places.__getitem__):
        if key in tags and review_id(verdicts[key].sample_id, tags[key]) == key:
            verdicts[key] = Verdict(verdicts[key].sample_id, tags[key], verdicts[key].is_right)
        else:
            problems.append(f"row {places[key]}: its tag, or its ids, are not what was written: restore them.")
    if problems:
        more = [f"... and {len(problems) - _NAMED_PROBLEMS} more."] if len(problems) > _NAMED_PROBLEMS else []
        raise ReviewError("\n".join([f"{path}: nothing was taken.", *problems[:_NAMED_PROBLEMS], *more]))
    return verdicts


def read_seed(path: Path) -> dict[str, Verdict]:
    """The verdicts of ``seeds/tag_reviews.csv``, by review id."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["review_id"]: Verdict(row["sample_id"], as_it_was(row["tag"]), row["is_right"] == "true")
            for row in csv.DictReader(file)
        }


def write_seed(verdicts: Mapping[str, Verdict], path: Path) -> None:
    """Write verdicts as a seed, in the order of their ids, so that a version control shows what is new."""
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SEED_COLUMNS)
        for key, verdict in sorted(verdicts.items()):
            writer.writerow((key, verdict.sample_id, harmless(verdict.tag), str(verdict.is_right).lower()))


def _word(verdict: Verdict | None) -> str:
    return "" if verdict is None else "yes" if verdict.is_right else "no"


def _read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows as dicts without None, whatever the delimiter.

    Raises:
        ReviewError: it is no text, or has not the columns of a review.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReviewError(f"{path} is not UTF-8: save it as CSV UTF-8.") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(StringIO(text, newline=""), delimiter=delimiter)
    missing = [name for name in COLUMNS[1:] if name not in (rows.fieldnames or ())]
    if missing:
        raise ReviewError(f"{path} is no file that tacos review wrote: it has no column {', '.join(missing)}.")
    for row in rows:
        yield {name: row[name] or "" for name in COLUMNS[1:]}
