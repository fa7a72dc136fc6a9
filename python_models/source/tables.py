"""Rows of CSV, TSV and Parquet files, in bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from python_models.source.streams import KEPT_BYTES, ByteSource

DELIMITERS = (",", "\t", ";", "|")
# Parquet batches aim at this much text, whatever the size of a row.
BATCH_BYTES = 16 << 20

# (raw text, fields, error): a record is given as text or as fields, what cannot be read as text with an error.
Piece = tuple[bytes, dict[str, Any] | None, str | None]


class RowTooLongError(ValueError):
    """A row goes on for longer than a record may, which is nearly always a quote that is never closed."""


def sniff_delimiter(head: bytes) -> str:
    """Find the delimiter that splits the header line into the most names; a comma if none splits it.

    (``csv.Sniffer`` guesses from letter frequencies and takes a letter for the delimiter of a text it does not know.)
    """
    lines = head.decode("utf-8", "replace").lstrip("\r\n").splitlines(keepends=True)
    counts = {}
    for delimiter in DELIMITERS:
        try:
            counts[delimiter] = len(next(csv.reader(lines, delimiter=delimiter), []))
        except csv.Error:  # a field over the limit: not a header
            counts[delimiter] = 0
    return max(DELIMITERS, key=lambda delimiter: counts[delimiter])


class _Lines:
    """Lines for ``csv.reader`` that remember what the present row is made of and how long it may get."""

    def __init__(self, text: io.TextIOWrapper, max_chars: int) -> None:
        self.text, self.max_chars = text, max_chars
        self.row: list[str] = []
        self.n_chars = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.text.readline(self.max_chars)
        if not line:
            raise StopIteration
        self.row.append(line)
        self.n_chars += len(line)
        if self.n_chars >= self.max_chars:
            while line and not line.endswith(("\n", "\r")):
                line = self.text.readline(1 << 20)
            raise RowTooLongError(f"row longer than {self.max_chars >> 20} MB")
        return line

    def take(self) -> str:
        """Give the text of the row and begin the next."""
        text = "".join(self.row)
        self.row, self.n_chars = [], 0
        return text


def read_csv(stream: io.BufferedReader, source: ByteSource, delimiter: str, max_chars: int) -> Iterator[Piece]:
    """Read the rows of a CSV or TSV file with a header line.

    Strict about quotes: a row that can be read in more than one way is an error, never a guess.

    Yields:
        (raw text, fields, error): fields by the header's names, or an error.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_chars))
    # surrogateescape carries bytes that are not UTF-8 to the row that holds them, which is then refused alone.
    lines = _Lines(io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline=""), max_chars)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except (csv.Error, RowTooLongError) as error:
            text = lines.take()
            kept = text[:KEPT_BYTES] if isinstance(error, RowTooLongError) else text
            yield _bytes(kept), None, f"malformed CSV: {error}"
            continue
        text = lines.take()
        if row is None:
            return
        if not row or not text.strip():
            continue
        if header is None:
            header = [name.encode("utf-8", "replace").decode().strip().removeprefix("\ufeff") for name in row]
            continue
        error_text = None
        if len(row) > len(header) and any(row[len(header) :]):
            error_text = f"malformed CSV: {len(row)} fields under a header of {len(header)}"
        elif source.broken and not text.endswith(("\n", "\r")):
            error_text = "malformed CSV: the row breaks off"
        elif not text.isascii():
            error_text = _find_wrong_bytes(text)
        if error_text is None:
            yield b"", dict(zip(header, row, strict=False)), None
        else:
            yield _bytes(text), None, error_text


def _find_wrong_bytes(text: str) -> str | None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"not UTF-8 at byte {len(text[: error.start].encode()) + 1}"
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def read_parquet(path: Path) -> Iterator[Piece]:
    """Read the rows of a Parquet file; a file or a part of it that cannot be read is one error."""
    try:
        file = pq.ParquetFile(path, memory_map=True, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        yield b"", None, f"unreadable Parquet: {_shorten(error)}"
        return
    with file:
        n_bytes = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        row_bytes = n_bytes / max(file.metadata.num_rows, 1)
        batches = file.iter_batches(batch_size=int(min(max(BATCH_BYTES / max(row_bytes, 1), 1), 2000)))
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                yield b"", None, f"unreadable Parquet: {_shorten(error)}; the rest of the file cannot be read"
                return
            if batch is None:
                return
            yield from _rows(batch)


def _rows(batch: pa.RecordBatch) -> Iterator[Piece]:
    try:
        yield from ((b"", row, None) for row in batch.to_pylist())
        return
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            yield b"", None, f"not UTF-8 at byte {error.start + 1}"
            return
    for i in range(batch.num_rows):
        yield from _rows(batch.slice(i, 1))


def _shorten(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
