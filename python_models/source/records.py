"""Every record of a dataset as a row, and every file with the count and the digest of its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from python_models.source.archives import ArchiveError
from python_models.source.files import WANTED, DatasetError, DatasetFile, find_files
from python_models.source.formats import read_mapping
from python_models.source.processes import read_batches
from python_models.source.readers import recognise
from python_models.source.rows import SCHEMA
from python_models.source.tables import QueryReader


def read_records(dataset: str, column_mapping: str, read: QueryReader | None = None) -> Iterator[pa.RecordBatch]:
    """Read every record of a dataset, with a process per core if it is large.

    Args:
        dataset: file, folder, glob or table, see ``files.find_files``.
        column_mapping: see ``formats.read_mapping``; empty for none.
        read: what reads a table; not needed for files.

    Yields:
        Batches of ``SCHEMA`` of at most ``rows.BATCH_ROWS`` rows, one row per record. ``instruction``, ``response`` and
        ``n_turns`` are null where ``error`` is not; ``conversation`` is then the first ``rows.KEPT_CHARS`` characters
        of the record and need not be JSON.

    Raises:
        DatasetError: no file, or (at the end) not one usable record.
        SettingError: the column mapping cannot be read.
    """
    mapping = read_mapping(column_mapping)
    files = find_files(dataset, read)
    n_usable, reasons = 0, Counter[str]()
    for batch in read_batches(files, mapping, SCHEMA.names):
        errors = batch.column("error")
        n_usable += errors.null_count
        if errors.null_count < len(errors):
            reasons.update(filter(None, errors.to_pylist()))
        yield batch
    require_usable(dataset, files, n_usable, reasons)


def read_ids(dataset: str, column_mapping: str, read: QueryReader | None = None) -> Iterator[list[str]]:
    """Read the record ids of a dataset, in lists of at most ``rows.BATCH_ROWS``.

    Raises:
        DatasetError: no file.
    """
    for batch in read_batches(find_files(dataset, read), read_mapping(column_mapping), ["record_id"]):
        yield batch.column("record_id").to_pylist()


def describe_files(dataset: str, column_mapping: str = "", read: QueryReader | None = None) -> list[dict[str, Any]]:
    """Describe every file of a dataset, in the order they are read.

    Returns:
        Rows of source_file, format (container, and the format of the first usable record, such as jsonl/alpaca; None
        of a file that is not read), problem (why it is not read, None if it is), n_bytes (on disk), modified_at (UTC
        without zone; both None of a table), n_records (counted from the file, not from what was read before),
        records_digest (the sum of the first 60 bits of the ids, as text).

    Raises:
        DatasetError: no file.
    """
    mapping = read_mapping(column_mapping)
    files = find_files(dataset, read)
    n_records, sums, formats = Counter[int](), Counter[int](), dict[int, str]()
    for batch in read_batches(files, mapping, ["file_no", "record_id", "format", "error"]):
        for file_no, record_id, record_format, error in zip(*(column.to_pylist() for column in batch), strict=True):
            n_records[file_no] += 1
            sums[file_no] += _number_of(record_id)
            if error is None:
                formats.setdefault(file_no, record_format)
    rows = []
    for file_no, file in enumerate(files):
        container = _recognise(file)
        rows.append(
            {
                "source_file": file.source_file,
                "format": f"{container}/{formats[file_no]}" if file_no in formats else container,
                "problem": file.problem,
                "n_bytes": file.n_bytes if file.table is None else None,
                "modified_at": file.modified_at.replace(tzinfo=None) if file.table is None else None,
                "n_records": n_records[file_no],
                "records_digest": str(sums[file_no]),
            }
        )
    return rows


def _number_of(record_id: str) -> int:
    """The first 60 bits of an id; their sum over a file is what the macro sum_of_ids computes in SQL."""
    return int(record_id[:15], 16)


def require_usable(dataset: str, files: list[DatasetFile], n_usable: int, reasons: Mapping[str, int]) -> None:
    """Stop with the commonest reasons if a dataset has not one usable record.

    Args:
        dataset: the setting, as given.
        files: the files read.
        n_usable: usable records.
        reasons: number of unusable records by reason.

    Raises:
        DatasetError: ``n_usable`` is 0.
    """
    if n_usable:
        return
    names = [file.source_file for file in files if file.problem is None]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    n_records = sum(reasons.values())
    why = "".join(f"\n  {n:>8,} x {reason}" for reason, n in Counter(reasons).most_common(5))
    more = len(reasons) - 5
    raise DatasetError(
        f"{WANTED} with at least one record that has an instruction and a response, but of {n_records:,} records in "
        f"{dataset!r} ({listed}) none can be used{':' if why else '.'}{why}"
        + (f"\n  and {more:,} other reasons" if more > 0 else "")
        + "\nNote the fields a record needs: instruction and output, conversations, messages, or prompt and response; "
        "for other columns set the variable column_mapping, such as 'instruction=question, response=answer'."
    )


def _recognise(file: DatasetFile) -> str | None:
    """Name the container of a file; None if the file is not read."""
    try:
        return "unreadable" if file.error else None if file.problem else recognise(file)
    except ArchiveError:
        return "unreadable"
