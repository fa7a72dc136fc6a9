"""Raw records of one file, in bounded memory; the container is recognised from the content, never from the name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

from python_models.source import tables
from python_models.source.json_texts import BLANK, load_json, parses, split_lines, split_values
from python_models.source.streams import MAX_RECORD_BYTES, ByteSource, open_bytes
from python_models.source.tables import Piece

Container = Literal["empty", "json", "jsonl", "csv", "tsv", "parquet", "unreadable"]

HEAD_BYTES = 256 << 10
OTHER_CONTAINERS = {
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"ARROW1": "an Arrow file",
    b"PAR1": "a Parquet file inside gzip",
}


class RawRecord(NamedTuple):
    """One record as it stands in the file, not yet understood.

    Attributes:
        record_no: number in the file from 1, blank lines not counted.
        text: JSON text (parse it with ``load``), or what is kept of a record that cannot be read.
        fields: the row of a CSV or Parquet file instead of ``text``.
        error: why it cannot be read, None if it can.
    """

    record_no: int
    text: bytes
    fields: dict[str, Any] | None
    error: str | None


def recognise(path: Path) -> tuple[Container, str]:
    """Recognise what a file is from its first bytes.

    Returns:
        The container and a detail: the delimiter of a csv or tsv file, ``[`` (an array) or ``{`` (objects over several
        lines) for json, what it is for an unreadable file.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return "parquet", ""
    stream, source = open_bytes(path)
    with closing(stream):
        head = stream.read(HEAD_BYTES)
    for magic, what in OTHER_CONTAINERS.items():
        if head.startswith(magic):
            return "unreadable", what
    lines = [line for line in head.split(b"\n") if line.strip(BLANK)]
    if not lines:
        return ("jsonl", "") if source.broken else ("empty", "")
    # Lines that are objects of their own make it JSONL, even if the first line is damaged.
    whole = (lines[:-1] if len(head) == HEAD_BYTES else lines)[:50] or lines
    if 2 * sum(line.lstrip(BLANK).startswith(b"{") and parses(line) for line in whole) >= len(whole):
        return "jsonl", ""
    start = lines[0].strip(BLANK)[:1]
    if start == b"[":
        return "json", "["
    if start == b"{":
        is_spread = not parses(lines[0]) and len(lines) > 1 and lines[1].strip(BLANK)[:1] in (b'"', b"}")
        return ("json", "{") if is_spread else ("jsonl", "")
    delimiter = tables.sniff_delimiter(head)
    return ("tsv" if delimiter == "\t" else "csv"), delimiter


def read_raw(path: Path) -> Iterator[RawRecord]:
    """Read the raw records of one file; what breaks off becomes exactly one record with an error.

    Memory: about twice the longest record, records being cut off at ``MAX_RECORD_BYTES``.
    """
    container, detail = recognise(path)
    if container == "unreadable":
        yield RawRecord(1, b"", None, f"unreadable file: {detail}; unpack it or convert it to JSONL")
    elif container == "parquet":
        for record_no, piece in enumerate(tables.read_parquet(path), start=1):
            yield RawRecord(record_no, *piece)
    elif container != "empty":
        stream, source = open_bytes(path)
        with closing(stream):
            if container in ("csv", "tsv"):
                pieces: Iterator[Piece] = tables.read_csv(stream, source, detail, MAX_RECORD_BYTES)
            elif container == "json":
                pieces = split_values(stream, is_array=detail == "[")
            else:
                pieces = split_lines(stream)
            yield from _mark_broken_end(pieces, source)


def load(record: RawRecord) -> tuple[Any, str | None]:
    """Give the value of a raw record, or why there is none.

    Returns:
        The value (a dict unless the file holds something else) and None, or None and the error.
    """
    if record.error is not None:
        return None, record.error
    if record.fields is not None:
        return record.fields, None
    return load_json(record.text)


def _mark_broken_end(pieces: Iterator[Piece], source: ByteSource) -> Iterator[RawRecord]:
    """Number the pieces. If the source broke off, the last, cut piece says so (or one more, if none is cut)."""
    last: RawRecord | None = None
    for record_no, piece in enumerate(pieces, start=1):
        if last is not None:
            yield last
        last = RawRecord(record_no, *piece)
    if source.broken is None:
        if last is not None:
            yield last
        return
    error = f"{source.broken}: the file breaks off after {source.n_read} bytes (unpacked)"
    if last is not None and load(last)[1] is not None:
        yield last._replace(error=error)
        return
    if last is not None:
        yield last
    yield RawRecord(last.record_no + 1 if last else 1, b"", None, error)
