"""The cache as JSONL: to carry paid replies to another machine and replay a run there without a call."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from python_models.llm.cache.response_cache import INSERT_REPLY, CachedReply, ResponseCache
from python_models.llm.cache.schema import SCHEMA_VERSION
from python_models.llm.cache.writer import Work
from python_models.llm.errors import CacheError

_HEADER = {"format": "tacos-cache", "version": SCHEMA_VERSION}
_ROWS_PER_COMMIT = 1_000
_TYPES: dict[str, tuple[type, ...]] = {
    "stage": (str,),
    "model": (str,),
    "attempt": (int,),
    "text": (str, type(None)),
    "refusal": (str, type(None)),
    "finish_reason": (str, type(None)),
    "n_prompt_tokens": (int, type(None)),
    "n_cached_tokens": (int, type(None)),
    "n_completion_tokens": (int, type(None)),
    "latency_ms": (int, float, type(None)),
    "requested_at_us": (int,),
    "is_batch": (bool,),
    "is_imported": (bool,),
    "is_free": (bool,),
}


class Transferred(NamedTuple):
    """How many replies and computed values were written or read."""

    n_replies: int
    n_computed: int


def export_cache(cache: ResponseCache, path: Path) -> Transferred:
    """Write everything in the cache to a JSONL file (compressed if its name ends in ``.gz``), in bounded memory.

    The file appears under its name only when it is whole.
    """
    partial = path.with_name(path.name + ".partial")
    n_replies = n_computed = 0
    try:
        with _open(partial, "wt", is_gzip=path.suffix == ".gz") as file:
            _write(file, _HEADER)
            for reply in cache.iter_replies():
                _write(file, {"kind": "reply", **reply._asdict()})
                n_replies += 1
            for kind, key, value in cache.iter_computed():
                encoded = base64.b64encode(value).decode("ascii")
                _write(file, {"kind": "computed", "model": kind, "key": key, "value": encoded})
                n_computed += 1
        partial.replace(path)
    except OSError as error:
        raise CacheError(f"The cache cannot be exported to {path}: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Transferred(n_replies, n_computed)


def import_cache(cache: ResponseCache, path: Path) -> Transferred:
    """Add what a JSONL file holds to the cache, in bounded memory; entries that are there already stay as they are.

    Returns:
        How many entries were new. Their cost does not count towards the spending limit here.

    Raises:
        CacheError: the file cannot be read, or a line is no entry; what stands before it is kept.
    """
    before = cache.counts()
    try:
        with _open(path, "rt", is_gzip=path.suffix == ".gz") as file:
            entries = _read_entries(file, path)
            while block := list(islice(entries, _ROWS_PER_COMMIT)):
                replies = [entry.row() for entry in block if isinstance(entry, CachedReply)]
                computed = [entry for entry in block if not isinstance(entry, CachedReply)]
                insert = "INSERT OR IGNORE INTO computed (kind, key, value) VALUES (?, ?, ?)"
                cache.writer.submit(Work(INSERT_REPLY, replies, ((insert, computed),))).result()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CacheError(f"{path} cannot be imported: {error}.") from error
    after = cache.counts()
    return Transferred(after[0] - before[0], after[1] - before[1])


def _open(path: Path, mode: str, *, is_gzip: bool) -> AbstractContextManager[io.TextIOBase]:
    if is_gzip:
        return gzip.open(path, mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]
    return path.open(mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]


def _write(file: io.TextIOBase, entry: dict[str, Any]) -> None:
    file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")


def _read_entries(file: io.TextIOBase, path: Path) -> Iterator[CachedReply | tuple[str, str, bytes]]:
    for number, line in enumerate(file, start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise CacheError(f"{where} is not JSON ({error}). The file may have been cut; export it again.") from None
        if number == 1:
            if not isinstance(entry, dict) or entry.get("format") != _HEADER["format"]:
                raise CacheError(f"{where}: wanted the header of an exported cache, {json.dumps(_HEADER)}.")
            if entry.get("version") != SCHEMA_VERSION:
                raise CacheError(
                    f"{where}: the export has version {entry.get('version')}, this project reads version "
                    f"{SCHEMA_VERSION}. Export it with the same version of the project."
                )
            continue
        yield _read_entry(entry, where)


def _read_entry(entry: Any, where: str) -> CachedReply | tuple[str, str, bytes]:
    try:
        kind = entry.pop("kind")
        if kind == "computed":
            value = base64.b64decode(entry["value"], validate=True)
            if not isinstance(entry["model"], str) or not isinstance(entry["key"], str):
                raise TypeError("'model' and 'key' must be strings")
            return entry["model"], entry["key"], value
        if kind != "reply":
            raise ValueError(f"unknown kind {kind!r}")
        if len(bytes.fromhex(entry["key"])) != 32:
            raise ValueError("'key' must be a sha256 in hex")
        for name, types in _TYPES.items():
            if type(entry[name]) not in types:
                raise TypeError(f"{name!r} is {entry[name]!r}")
        return CachedReply(**entry)._replace(is_imported=True)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise CacheError(f"{where} is no entry of a cache: {type(error).__name__} {error}.") from None
