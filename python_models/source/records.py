"""The rows of ``source_records`` and ``dataset_files``: every record of a dataset, usable or with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import pyarrow as pa

from python_models.source.archives import ArchiveError
from python_models.source.files import WANTED, DatasetError, DatasetFile, find_files
from python_models.source.formats import UNKNOWN, Parsed, parse, read_mapping
from python_models.source.readers import RawRecord, read_raw, recognise

BATCH_ROWS = 2_000
BATCH_CHARS = 16 << 20
# What is kept of the text of a record that cannot be used (the file has the rest).
KEPT_CHARS = 10_000

SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("source_file", pa.string()),
        ("record_no", pa.int64()),
        ("format", pa.string()),
        ("instruction", pa.string()),
        ("response", pa.string()),
        ("system_prompt", pa.string()),
        ("conversation", pa.string()),
        ("n_turns", pa.int32()),
        ("error", pa.string()),
        ("record_date", pa.date32()),
    ]
)


def read_records(dataset: str, column_mapping: str) -> Iterator[pa.RecordBatch]:
    """Read every record of a dataset.

    Args:
        dataset: file, folder or glob, see ``files.find_files``.
        column_mapping: see ``formats.read_mapping``; empty for none.

    Yields:
        Batches of ``SCHEMA`` of at most ``BATCH_ROWS`` rows, one row per record. ``instruction``, ``response`` and
        ``n_turns`` are null where ``error`` is not; ``conversation`` is then the first ``KEPT_CHARS`` characters of
        the record and need not be JSON.

    Raises:
        DatasetError: no file, or (at the end) not one usable record.
        SettingError: the column mapping cannot be read.
    """
    mapping = read_mapping(column_mapping)
    files = find_files(dataset)
    n_usable, reasons = 0, Counter[str]()
    rows: list[tuple[Any, ...]] = []
    n_chars = 0
    for file in files:
        for raw in _read_raw(file):
            row = _make_row(file, raw, mapping)
            error = row[9]
            if error is None:
                n_usable += 1
            else:
                reasons[error] += 1
            row_chars = 2 * len(row[7])  # instruction and response are in the conversation
            if rows and (len(rows) == BATCH_ROWS or n_chars + row_chars > BATCH_CHARS):
                yield _take_batch(rows)
                n_chars = 0
            rows.append(row)
            n_chars += row_chars
    if rows:
        yield _take_batch(rows)
    require_usable(dataset, files, n_usable, reasons)


def read_ids(dataset: str, column_mapping: str) -> Iterator[list[str]]:
    """Read the record ids of a dataset, in lists of at most ``BATCH_ROWS``.

    Raises:
        DatasetError: no file.
    """
    mapping = read_mapping(column_mapping)
    ids = (_record_id(file, raw, _parse(raw, mapping)) for file in find_files(dataset) for raw in _read_raw(file))
    while batch := list(islice(ids, BATCH_ROWS)):
        yield batch


def describe_files(dataset: str, column_mapping: str = "") -> list[dict[str, Any]]:
    """Describe every file of a dataset, in the order they are read.

    Returns:
        Rows of source_file, format (container, and the format of the first usable record, such as jsonl/alpaca; None
        of a file that is not read), problem (why it is not read, None if it is), n_bytes (on disk), modified_at (UTC
        without zone), n_records (counted from the file, without making rows), records_digest (the sum of the first 60
        bits of the ids, as text).

    Raises:
        DatasetError: no file.
    """
    mapping = read_mapping(column_mapping)
    rows = []
    for file in find_files(dataset):
        record_format, n_records, sum_of_ids = None, 0, 0
        for raw in _read_raw(file):
            n_records += 1
            parsed = _parse(raw, mapping)
            sum_of_ids += _number_of(_record_id(file, raw, parsed))
            if record_format is None and parsed.error is None:
                record_format = parsed.format
        container = _recognise(file)
        rows.append(
            {
                "source_file": file.source_file,
                "format": container if record_format is None else f"{container}/{record_format}",
                "problem": file.problem,
                "n_bytes": file.n_bytes,
                "modified_at": file.modified_at.replace(tzinfo=None),
                "n_records": n_records,
                "records_digest": str(sum_of_ids),
            }
        )
    return rows


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


def _read_raw(file: DatasetFile) -> Iterator[RawRecord]:
    try:
        yield from read_raw(file)
    except OSError as error:
        raise DatasetError(
            f"{WANTED}, but reading {file.source_file} failed: {error}. Check the disk, or copy the file anew."
        ) from error


def _recognise(file: DatasetFile) -> str | None:
    """Name the container of a file; None if the file is not read."""
    try:
        return "unreadable" if file.error else None if file.problem else recognise(file)
    except ArchiveError:
        return "unreadable"


def _parse(raw: RawRecord, mapping: Mapping[str, str]) -> Parsed:
    if raw.error is None:
        return parse(raw.value, mapping)
    return Parsed(UNKNOWN, None, None, raw.text.decode("utf-8", "backslashreplace"), None, None, raw.error)


def _record_id(file: DatasetFile, raw: RawRecord, parsed: Parsed) -> str:
    identity = f"{_quote(file.source_file)} {raw.record_no} {parsed.conversation_json}"
    return hashlib.md5(identity.encode("utf-8"), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=16)
def _quote(source_file: str) -> str:
    return json.dumps(source_file)


def _number_of(record_id: str) -> int:
    """The first 60 bits of an id; their sum over a file is what the macro sum_of_ids computes in SQL."""
    return int(record_id[:15], 16)


def _make_row(file: DatasetFile, raw: RawRecord, mapping: Mapping[str, str]) -> tuple[Any, ...]:
    """Make the row of one record, in the order of ``SCHEMA``."""
    parsed = _parse(raw, mapping)
    record_id = _record_id(file, raw, parsed)
    conversation = parsed.conversation_json
    if parsed.error is not None:
        conversation = conversation[:KEPT_CHARS].replace("\0", "")
    return (
        record_id,
        file.source_file,
        raw.record_no,
        parsed.format,
        parsed.instruction,
        parsed.response,
        parsed.system_prompt,
        conversation,
        parsed.n_turns,
        parsed.error,
        parsed.ingested_on,
    )


def _take_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    """Make a batch of rows and empty the list, so that the texts are not held twice while the batch is in use."""
    columns = zip(*rows, strict=True)
    rows.clear()
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
