"""Parts of a dataset that can be read by themselves: files, and runs of lines of a large file of JSON lines."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from typing import Any, NamedTuple

from python_models.source.archives import ArchiveError
from python_models.source.files import DatasetFile
from python_models.source.json_stream import JsonSplitter
from python_models.source.readers import RawRecord, read_raw, recognise
from python_models.source.salvage import BLANK

PART_BYTES = 32 << 20


class Part(NamedTuple):
    """A whole file (``end`` is None), or the bytes from ``start`` to ``end``, which begin and end with a line.

    ``first_no`` is the number of the first record, ``n_records`` how many there are, if each line is one.
    """

    file_no: int
    start: int = 0
    end: int | None = None
    first_no: int = 1
    n_records: int = 0


class NotLinesError(ValueError):
    """The lines of a part are not a record each, so that what follows it has to be read in one go with it."""


def plan_tasks(files: list[DatasetFile]) -> list[list[Part]]:
    """Plan who reads what, in the order of the files: each task is a run of whole files, or a part of one."""
    tasks: list[list[Part]] = []
    n_bytes = PART_BYTES
    for file_no, file in enumerate(files):
        if file.problem is not None:
            continue
        if parts := _cut(file, file_no):
            tasks += [[part] for part in parts]
            n_bytes = PART_BYTES
            continue
        if n_bytes >= PART_BYTES:
            tasks.append([])
            n_bytes = 0
        tasks[-1].append(Part(file_no))
        n_bytes += file.n_bytes
    return tasks


def read_part(file: DatasetFile, part: Part) -> Iterator[RawRecord]:
    """Read the raw records of a part.

    A run of lines gives what the whole file would give there, as long as all parts before it do: the last line is a
    record by itself, so that no value goes on beyond it, and there are as many records as lines.

    Raises:
        NotLinesError: at its end, if that is not so.
    """
    if part.end is None and not part.start:
        yield from read_raw(file)
        return
    with file.path.open("rb") as lines:
        lines.seek(part.start)
        stream: Any = lines if part.end is None else io.BytesIO(lines.read(part.end - part.start))
        n_records, error = 0, None
        for piece in JsonSplitter(stream, part.start).split():
            yield RawRecord(part.first_no + n_records, *piece)
            n_records, error = n_records + 1, piece.error
    if part.end is not None and (n_records != part.n_records or error is not None):
        raise NotLinesError


def _cut(file: DatasetFile, file_no: int) -> list[Part]:
    """Cut a large file of JSON lines into parts; none if it is small, packed, recoded or something else."""
    if file.member is not None or file.error is not None or file.n_bytes < 2 * PART_BYTES:
        return []
    try:
        if recognise(file) != "jsonl":
            return []
    except ArchiveError:
        return []
    with file.path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:1] not in (b"{", b"\n"):  # a byte order mark, a packing
            return []
        parts, start, first_no = [], 0, 1
        while start < len(data):
            end = data.find(b"\n", start + PART_BYTES) + 1 or len(data)
            n_records = sum(1 for line in data[start:end].split(b"\n") if line.strip(BLANK))
            parts.append(Part(file_no, start, end, first_no, n_records))
            start, first_no = end, first_no + n_records
    return [*parts[:-1], parts[-1]._replace(end=None)]
