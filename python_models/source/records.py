"""The rows of ``source_records`` and ``dataset_files``: every record of a dataset, usable or with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from python_models.source.archives import ArchiveError
from python_models.source.files import WANTED, DatasetError, DatasetFile, find_files
from python_models.source.formats import UNKNOWN, Parsed, parse, read_mapping
from python_models.source.readers import RawRecord, read_raw, recognise

DEFAULT_FLOOR = date(2020, 1, 1)
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
        ("ingested_at", pa.date32()),
    ]
)


def read_records(
    dataset: str, column_mapping: str, start: date, end: date, today: date, floor: date = DEFAULT_FLOOR
) -> Iterator[pa.RecordBatch]:
    """Read every record of a dataset whose date lies in a range.

    Args:
        dataset: file, folder or glob, see ``files.find_files``.
        column_mapping: see ``formats.read_mapping``; empty for none.
        start, end: first and last ``ingested_at`` wanted, both included.
        today: the latest date a record may have (UTC).
        floor: the earliest date a record may have.

    Yields:
        Batches of ``SCHEMA`` of at most ``BATCH_ROWS`` rows, one row per record. ``instruction``, ``response`` and
        ``n_turns`` are null where ``error`` is not; ``conversation`` is then the first ``KEPT_CHARS`` characters of
        the record and need not be JSON.

    Raises:
        DatasetError: no file, or (at the end) not one usable record of any date.
        SettingError: the column mapping cannot be read.
    """
    mapping = read_mapping(column_mapping)
    files = find_files(dataset)
    n_usable, reasons = 0, Counter[str]()
    rows: list[tuple[Any, ...]] = []
    n_chars = 0
    for file in files:
        for raw in _read_raw(file):
            row = _make_row(file, raw, mapping, today, floor)
            error, ingested_at = row[9], row[10]
            if error is None:
                n_usable += 1
            else:
                reasons[error] += 1
            if not start <= ingested_at <= end:
                continue
            row_chars = sum(len(text) for text in row[4:8] if text)
            if rows and (len(rows) == BATCH_ROWS or n_chars + row_chars > BATCH_CHARS):
                yield _take_batch(rows)
                n_chars = 0
            rows.append(row)
            n_chars += row_chars
    if rows:
        yield _take_batch(rows)
    require_usable(dataset, files, n_usable, reasons)


def describe_files(dataset: str, column_mapping: str = "") -> list[dict[str, Any]]:
    """Describe every file of a dataset, in the order they are read.

    Returns:
        Rows of source_file, format (container, and the format of the first usable record, such as jsonl/alpaca; None
        of a file that is not read), problem (why it is not read, None if it is), n_bytes (on disk), modified_at (UTC
        without zone), n_records (counted from the file, without making rows).

    Raises:
        DatasetError: no file.
    """
    mapping = read_mapping(column_mapping)
    rows = []
    for file in find_files(dataset):
        record_format, n_records = None, 0
        for raw in _read_raw(file):
            n_records += 1
            if record_format is None:
                parsed = _parse(raw, mapping)
                record_format = parsed.format if parsed.error is None else None
        container = _recognise(file)
        rows.append(
            {
                "source_file": file.source_file,
                "format": container if record_format is None else f"{container}/{record_format}",
                "problem": file.problem,
                "n_bytes": file.n_bytes,
                "modified_at": file.modified_at.replace(tzinfo=None),
                "n_records": n_records,
            }
        )
    return rows


def require_usable(dataset: str, files: list[DatasetFile], n_usable: int, reasons: Mapping[str, int]) -> None:
    """Stop with the commonest reasons if a dataset has not one usable record.

    Args:
        dataset: the setting, as given.
        files: the files read.
        n_usable: usable records of any date.
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


def _make_row(
    file: DatasetFile, raw: RawRecord, mapping: Mapping[str, str], today: date, floor: date
) -> tuple[Any, ...]:
    """Make the row of one record, in the order of ``SCHEMA``."""
    parsed = _parse(raw, mapping)
    identity = f"{json.dumps(file.source_file)} {raw.record_no} " + parsed.conversation_json
    record_id = hashlib.md5(identity.encode("utf-8"), usedforsecurity=False).hexdigest()
    conversation = parsed.conversation_json
    if parsed.error is not None:
        conversation = conversation[:KEPT_CHARS].replace("\0", "")
    # A date in the future is a mistake in the record; today instead would give the record a new date every day.
    own_date = parsed.ingested_on if parsed.ingested_on is not None and parsed.ingested_on <= today else None
    ingested_at = min(max(own_date or file.modified_at.date(), floor), today)
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
        ingested_at,
    )


def _take_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    """Make a batch of rows and empty the list, so that the texts are not held twice while the batch is in use."""
    columns = zip(*rows, strict=True)
    rows.clear()
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
