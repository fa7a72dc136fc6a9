"""Rows of Parquet and Arrow files, in memory bounded by the decoded rows: the file may be far smaller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from python_models.source.doubled import find_doubled, make_row
from python_models.source.pieces import Piece

BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 2_000
# A writer gives up a dictionary that grows beyond about a megabyte. Up to this size (and 4 bytes for each row's number
# of its entry) a column may be a dictionary alone, so that one row may be as large as all of it.
DICTIONARY_BYTES = 4 << 20
# A column that shrinks so well is one text again and again.
MANY_TIMES = 50
CELL_ERRORS = (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, pa.ArrowException)


def read_parquet(path: Path) -> Iterator[Piece]:
    """Read the rows of a Parquet file; a file or a part of it that cannot be read is one error."""
    try:
        file = pq.ParquetFile(path, memory_map=True, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        yield Piece(b"", None, f"unreadable Parquet: {_shorten(error)}")
        return
    with file:
        groups = range(file.metadata.num_row_groups)
        n_rows = min((_find_batch_rows(file.metadata.row_group(i)) for i in groups), default=1)
        yield from _read_batches(file.iter_batches(batch_size=n_rows), "Parquet")


def read_arrow(path: Path, is_stream: bool) -> Iterator[Piece]:
    """Read the rows of an Arrow IPC file or stream, batch by batch as they were written."""
    try:
        with pa.memory_map(str(path)) as file:
            if is_stream:
                with pa.ipc.open_stream(file) as stream:
                    yield from _read_batches(iter(stream), "Arrow stream")
            else:
                with pa.ipc.open_file(file) as reader:
                    n_batches = reader.num_record_batches
                    yield from _read_batches((reader.get_batch(i) for i in range(n_batches)), "Arrow file")
    except (pa.ArrowException, OSError) as error:
        yield Piece(b"", None, f"unreadable Arrow: {_shorten(error)}")


def _find_batch_rows(group: Any) -> int:
    """Find how many rows of a row group can be decoded at a time, from what they may be at most."""
    row_bytes, max_row_bytes = group.total_byte_size / max(group.num_rows, 1), 0
    for i in range(group.num_columns):
        column = group.column(i)
        n_bytes, n_packed = column.total_uncompressed_size, column.total_compressed_size
        may_repeat = n_bytes <= DICTIONARY_BYTES + 4 * column.num_values or n_packed * MANY_TIMES < n_bytes
        if column.has_dictionary_page and may_repeat:
            max_row_bytes += n_bytes
    n_rows = min(BATCH_BYTES / max(row_bytes, 1), BATCH_BYTES / max(max_row_bytes, 1), MAX_BATCH_ROWS)
    return max(int(n_rows), 1)


def _read_batches(batches: Iterator[pa.RecordBatch], what: str) -> Iterator[Piece]:
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            yield Piece(b"", None, f"unreadable {what}: {_shorten(error)}; the rest of the file cannot be read")
            return
        if batch is None:
            return
        n_repeated = sum(column.dictionary.nbytes for column in batch.columns if pa.types.is_dictionary(column.type))
        n_rows = min(BATCH_BYTES * batch.num_rows / max(batch.nbytes, 1), BATCH_BYTES / max(n_repeated, 1))
        n_rows = max(min(int(n_rows), MAX_BATCH_ROWS), 1)
        for start in range(0, batch.num_rows, n_rows):
            yield from _read_rows(batch.slice(start, n_rows))


def _read_rows(batch: pa.RecordBatch) -> Iterator[Piece]:
    names = batch.schema.names
    doubled = find_doubled(names)
    columns = [_read_column(column) for column in batch.columns]
    if not doubled and not any(UnicodeDecodeError in set(map(type, column)) for column in columns):
        for values in zip(*columns, strict=True):
            yield Piece(b"", dict(zip(names, values, strict=True)), None)
        return
    for values in zip(*columns, strict=True):
        wrong = next((value for value in values if type(value) is UnicodeDecodeError), None)
        if wrong is None:
            yield Piece(b"", make_row(names, values, doubled), None)
        else:
            yield Piece(b"", None, f"not UTF-8 at byte {wrong.start + 1}")


def _read_column(column: pa.Array) -> list[Any]:
    """Read the values of a column; where one cannot be a Python value, each by itself."""
    try:
        return list(column.to_pylist())
    except CELL_ERRORS:
        return [_read_cell(cell) for cell in column]


def _read_cell(cell: pa.Scalar) -> Any:
    """Read a value: a text that is not UTF-8 as its error, what Python cannot hold (the year 10,000) as None."""
    try:
        return cell.as_py()
    except UnicodeDecodeError as error:
        return error
    except CELL_ERRORS:
        if isinstance(cell, pa.StructScalar):
            return {name: _read_cell(cell[name]) for name in cell.type.names}
        if isinstance(cell, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
            return [_read_cell(item) for item in cell.values]
        return None


def _shorten(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
