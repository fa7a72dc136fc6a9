"""The rows of ``source_records``: what one record of a file says, usable or with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

from python_models.source.files import WANTED, DatasetError, DatasetFile
from python_models.source.formats import UNKNOWN, Parsed, parse
from python_models.source.parts import Part, read_part
from python_models.source.readers import RawRecord

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
# The rows as they are passed on inside the project: with the number of the file in the list of files.
NUMBERED_SCHEMA = SCHEMA.append(pa.field("file_no", pa.int32()))


def make_batches(
    files: list[DatasetFile] | Mapping[int, DatasetFile], parts: Iterable[Part], mapping: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """Make the rows of parts of files.

    Args:
        files: by the numbers that the parts have.
        parts: in the order in which they are read.
        mapping: see ``formats.read_mapping``.

    Yields:
        Batches of ``NUMBERED_SCHEMA`` of at most ``BATCH_ROWS`` rows, one row per record.

    Raises:
        DatasetError: a file cannot be read.
        NotLinesError: see ``parts.read_part``.
    """
    rows: list[tuple[Any, ...]] = []
    n_chars = 0
    for part in parts:
        file = files[part.file_no]
        for raw in _read(file, part):
            row = _make_row(file, raw, mapping, part.file_no)
            row_chars = 2 * len(row[7])  # instruction and response are in the conversation
            if rows and (len(rows) == BATCH_ROWS or n_chars + row_chars > BATCH_CHARS):
                yield _take_batch(rows)
                n_chars = 0
            rows.append(row)
            n_chars += row_chars
    if rows:
        yield _take_batch(rows)


def _read(file: DatasetFile, part: Part) -> Iterator[RawRecord]:
    try:
        yield from read_part(file, part)
    except OSError as error:
        raise DatasetError(
            f"{WANTED}, but reading {file.source_file} failed: {error}. Check the disk, or copy the file anew."
        ) from error


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


def _make_row(file: DatasetFile, raw: RawRecord, mapping: Mapping[str, str], file_no: int) -> tuple[Any, ...]:
    """Make the row of one record, in the order of ``NUMBERED_SCHEMA``."""
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
        file_no,
    )


def _take_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    """Make a batch of rows and empty the list, so that the texts are not held twice while the batch is in use."""
    columns = zip(*rows, strict=True)
    rows.clear()
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, NUMBERED_SCHEMA, strict=True)],
        schema=NUMBERED_SCHEMA,
    )
