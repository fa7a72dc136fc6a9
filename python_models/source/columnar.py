"""Rows of Parquet and Arrow files and of tables, in memory bounded by the decoded rows: the file may be far smaller."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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
        file = _open_parquet(path)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        kept = {field.name for field in file.schema_arrow if pa.types.is_dictionary(field.type)}
        n_rows = min((_find_batch_rows(group, kept) for group in groups), default=1)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        yield Piece(b"", None, f"unreadable Parquet: {_shorten(error)}")
        return
    with file:
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


def read_table(batches: Iterator[pa.RecordBatch]) -> Iterator[Piece]:
    """Read the rows of a table, batch by batch as its engine gives them."""
    yield from _read_batches(batches, "table")


def _open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file so that texts in a dictionary stay there until a few rows are taken out."""
    schema = pq.read_schema(path)
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
    # A name with a dot would be taken for a path.
    once = [name for name in texts if "." not in name and texts.count(name) == 1]
    return pq.ParquetFile(path, memory_map=True, pre_buffer=False, buffer_size=1 << 20, read_dictionary=once)


def _find_batch_rows(group: Any, kept: Collection[str]) -> int:
    """Find how many rows of a row group can be decoded at a time, from what they may be at most.

    Args:
        group: the metadata of the row group.
        kept: columns whose texts stay in their dictionary, however often they are repeated.
    """
    row_bytes, max_row_bytes = group.total_byte_size / max(group.num_rows, 1), 0
    for i in range(group.num_columns):
        column = group.column(i)
        n_bytes, n_packed = column.total_uncompressed_size, column.total_compressed_size
        may_repeat = n_bytes <= DICTIONARY_BYTES + 4 * column.num_values or n_packed * MANY_TIMES < n_bytes
        if column.has_dictionary_page and may_repeat and column.path_in_schema not in kept:
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
        try:
            cuts = _find_cuts(batch)
        except pa.ArrowException as error:  # what a damaged page makes of a column
            yield Piece(b"", None, f"unreadable {what}: {_shorten(error)} in {batch.num_rows} rows")
            continue
        for start, end in pairwise(cuts):
            yield from _read_rows(batch.slice(start, end - start))


def _find_cuts(batch: pa.RecordBatch) -> list[int]:
    """Cut a batch into runs of rows whose values take about ``BATCH_BYTES``: the first row of each, and the end."""
    row_bytes = np.full(batch.num_rows, batch.nbytes / max(batch.num_rows, 1))
    for column in batch.columns:
        if not pa.types.is_dictionary(column.type):
            continue
        if _holds_text(column.type):
            sizes = pc.binary_length(column.dictionary).take(column.indices)
            row_bytes += pc.fill_null(sizes, 0).to_numpy(zero_copy_only=False)
        else:
            row_bytes += column.dictionary.nbytes
    cuts = [0]
    ends = np.cumsum(row_bytes)
    while cuts[-1] < batch.num_rows:
        start = cuts[-1]
        read = ends[start - 1] if start else 0
        n_rows = int(np.searchsorted(ends[start:], read + BATCH_BYTES, side="right"))
        cuts.append(min(start + max(min(n_rows, MAX_BATCH_ROWS), 1), batch.num_rows))
    return cuts


def _holds_text(kind: pa.DataType) -> bool:
    value = kind.value_type
    return any(
        is_kind(value)
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


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
        if pa.types.is_dictionary(column.type) and _holds_text(column.type):
            column = column.dictionary_decode()
        return list(column.to_pylist(maps_as_pydicts="lossy"))
    except CELL_ERRORS:
        return [_read_cell(cell) for cell in column]


def _read_cell(cell: pa.Scalar) -> Any:
    """Read a value: a text that is not UTF-8 as its error, what Python cannot hold (the year 10,000) as None."""
    try:
        return cell.as_py(maps_as_pydicts="lossy")
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
