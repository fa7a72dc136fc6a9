"""Raw records of one file, in bounded memory; the container is recognised from the content, never from the name."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

from python_models.source.archives import ArchiveError
from python_models.source.columnar import read_arrow, read_parquet, read_table
from python_models.source.csv_rows import read_csv, sniff_delimiter
from python_models.source.files import DatasetFile
from python_models.source.json_stream import JsonSplitter
from python_models.source.pieces import Piece
from python_models.source.salvage import BLANK
from python_models.source.streams import MAX_RECORD_BYTES, ByteSource, open_bytes
from python_models.source.texts import read_json

Container = Literal["empty", "json", "jsonl", "csv", "tsv", "parquet", "arrow", "arrow stream", "table", "unreadable"]

HEAD_BYTES = 256 << 10
TABLES: dict[bytes, Container] = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow stream"}
OTHER_CONTAINERS = {
    b"PK\x03\x04": "a zip archive inside another file",
    b"FEA1": "Feather version 1",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x04": "a Python pickle",
    b"%PDF": "a PDF file",
    b"version https://git-lfs": "a pointer of Git LFS, not the file: run git lfs pull",
}


class RawRecord(NamedTuple):
    """One record as it stands in the file, not yet understood.

    Attributes:
        record_no: number in the file from 1, blank lines not counted.
        text, value, error: see ``pieces.Piece``.
    """

    record_no: int
    text: bytes
    value: Any
    error: str | None


def recognise(file: DatasetFile) -> Container:
    """Recognise what a file is from its first bytes.

    Raises:
        ArchiveError: it cannot be read from its archive.
    """
    if file.table is not None:
        return "table"
    stream, source = open_bytes(file.open())
    with closing(stream):
        return _recognise(source)[0]


def read_raw(file: DatasetFile) -> Iterator[RawRecord]:
    """Read the raw records of one file; what breaks off becomes exactly one record with an error.

    Memory: about twice the longest record, records being cut off at ``MAX_RECORD_BYTES``. A table inside a compressed
    file or an archive is unpacked to a temporary file.
    """
    if file.problem is not None:
        return
    if file.error is not None:
        yield RawRecord(1, b"", None, file.error)
        return
    if file.table is not None:
        yield from (RawRecord(number, *piece) for number, piece in enumerate(read_table(file.table.batches()), start=1))
        return
    try:
        stream, source = open_bytes(file.open())
    except ArchiveError as error:
        yield RawRecord(1, b"", None, f"unreadable in its archive: {error}")
        return
    with closing(stream):
        container, detail = _recognise(source)
        if container == "unreadable":
            yield RawRecord(1, b"", None, f"unreadable file: {detail}; convert it to JSONL")
        elif container in TABLES.values():
            if file.member is None and not source.is_packed:
                pieces = _read_table(file.path, container)
            else:
                pieces = _read_unpacked(stream, container)
            yield from _mark_broken_end(pieces, source)
        elif container in ("csv", "tsv"):
            yield from _mark_broken_end(read_csv(stream, source, detail, MAX_RECORD_BYTES), source)
        elif container != "empty":
            yield from _mark_broken_end(JsonSplitter(stream).split(), source)


def _recognise(source: ByteSource) -> tuple[Container, str]:
    """Recognise a container; the detail is the delimiter of a csv or tsv file, what it is for an unreadable one."""
    head = source.look(HEAD_BYTES)
    for magic, table in TABLES.items():
        if head.startswith(magic):
            return table, ""
    for magic, what in OTHER_CONTAINERS.items():
        if head.startswith(magic):
            return "unreadable", what
    if head[257:262] == b"ustar":
        return "unreadable", "a tar archive; name it .tar"
    lines = [line.strip(BLANK) for line in head.split(b"\n") if line.strip(BLANK)]
    if not lines:
        return ("jsonl", "") if source.broken else ("empty", "")
    # Lines that are objects of their own make it JSONL, even if the first line is damaged.
    whole = (lines[:-1] if len(head) == HEAD_BYTES else lines)[:50] or lines
    if 2 * sum(line.startswith(b"{") and read_json(line)[1] is None for line in whole) >= len(whole):
        return "jsonl", ""
    if lines[0][:1] in (b"[", b"{"):
        return "json", ""
    if _is_binary(head):
        return "unreadable", "neither text nor a table that is known"
    delimiter = sniff_delimiter(head)
    return ("tsv" if delimiter == "\t" else "csv"), delimiter


def _is_binary(head: bytes) -> bool:
    """Say whether more than a few bytes are control characters, as in a picture or in an unknown packing."""
    start = head[:4_096]
    n_controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\x1e" for byte in start)
    return 20 * n_controls > len(start)


def _read_table(path: Path, container: Container) -> Iterator[Piece]:
    return read_parquet(path) if container == "parquet" else read_arrow(path, is_stream=container == "arrow stream")


def _read_unpacked(stream: io.BufferedReader, container: Container) -> Iterator[Piece]:
    """Read a table from a temporary file, because it is read from several places at once."""
    with tempfile.NamedTemporaryFile(prefix="tacos-") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
        file.flush()
        yield from _read_table(Path(file.name), container)


def _mark_broken_end(pieces: Iterator[Piece], source: ByteSource) -> Iterator[RawRecord]:
    """Number the pieces. If the source broke off, the last, cut piece says so (or one more, if none is cut)."""
    last: RawRecord | None = None
    for record_no, piece in enumerate(pieces, start=1):
        if last is not None:
            yield last
        last = RawRecord(record_no, *piece)
    if source.broken is not None:
        error = f"{source.broken}: the file breaks off after {source.n_read} bytes (unpacked)"
        if last is not None and last.error is not None:
            last = last._replace(error=error)
        else:
            if last is not None:
                yield last
            last = RawRecord(last.record_no + 1 if last else 1, b"", None, error)
    if last is not None:
        yield last
