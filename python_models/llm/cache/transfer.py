"""The cache as JSONL: to carry paid replies to another machine and replay a run there without a call."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import zlib
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from python_models.llm.cache.checksum import row_checksum
from python_models.llm.cache.entries import EXPORT_VERSION, FORMAT, VectorLengths, read_entries
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import INSERT_COMPUTED, INSERT_REPLY, CachedReply
from python_models.llm.cache.schema import as_cache_error, connect, transaction
from python_models.llm.errors import CacheError
from python_models.whole_file import whole_file

_ROWS_PER_BLOCK = 1_000


class Transferred(NamedTuple):
    """How many replies and computed values were written or read."""

    n_replies: int
    n_computed: int


def export_cache(cache: ResponseCache, path: Path) -> Transferred:
    """Write everything in the cache to a JSONL file (compressed if its name ends in ``.gz``), in bounded memory.

    The file appears under its name only when it is whole.
    """
    n_replies = n_computed = 0
    try:
        with whole_file(path) as partial, _open(partial, "wt", is_gzip=path.suffix == ".gz") as file:
            _write(file, {"format": FORMAT, "version": EXPORT_VERSION})
            for reply in cache.iter_replies():
                _write(file, {"kind": "reply", **reply._asdict(), "checksum": reply.checksum().hex()})
                n_replies += 1
            for kind, key, value in cache.iter_computed():
                entry = {
                    "kind": "computed",
                    "model": kind,
                    "key": key,
                    "value": base64.b64encode(value).decode("ascii"),
                }
                _write(file, {**entry, "checksum": row_checksum(kind, key, value).hex()})
                n_computed += 1
            _write(file, {"kind": "end", "n_replies": n_replies, "n_computed": n_computed})
    except OSError as error:
        raise CacheError(f"The cache cannot be exported to {path}: {error.strerror or error}.") from error
    return Transferred(n_replies, n_computed)


def import_cache(cache: ResponseCache, path: Path) -> Transferred:
    """Add what a JSONL file holds to the cache, all of it or nothing, in bounded memory; what is there already stays.

    Returns:
        How many entries were new. Their cost does not count towards the spending limit here.

    Raises:
        CacheError: the file cannot be read or was cut, or a line is no entry; the cache is as it was.
    """
    before = cache.counts()
    insert_value = INSERT_COMPUTED.format("IGNORE")
    try:
        with (
            closing(connect(cache.path)) as connection,
            _open(path, "rt", is_gzip=path.suffix == ".gz") as file,
            transaction(connection),
        ):
            entries = read_entries(file, path, VectorLengths(connection))
            while block := list(islice(entries, _ROWS_PER_BLOCK)):
                replies = [entry.row() for entry in block if isinstance(entry, CachedReply)]
                values = [(*entry, row_checksum(*entry), 1) for entry in block if not isinstance(entry, CachedReply)]
                connection.executemany(INSERT_REPLY, replies)
                connection.executemany(insert_value, values)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise CacheError(f"{path} cannot be imported: {error}. The cache is as it was.") from error
    except sqlite3.Error as error:
        raise as_cache_error(error, cache.path) from error
    after = cache.counts()
    return Transferred(after[0] - before[0], after[1] - before[1])


def _open(path: Path, mode: str, *, is_gzip: bool) -> AbstractContextManager[io.TextIOBase]:
    if is_gzip:
        return gzip.open(path, mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]
    return path.open(mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]


def _write(file: io.TextIOBase, entry: dict[str, Any]) -> None:
    file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")
