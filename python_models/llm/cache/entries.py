"""Lines of an exported cache: each is checked before it is taken for a row."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import sqlite3
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_models.llm.cache.checksum import row_checksum
from python_models.llm.cache.rows import CachedReply, now_us
from python_models.llm.errors import CacheError

EMBEDDING_KIND = "embedding "
"""How the kinds of computed values begin that are vectors (float32) of one length per kind."""
EXPORT_VERSION = 3
"""2 added a checksum to every line and a last line that counts, 3 the tokens that an endpoint wrote to its cache. Older
files are read, too."""
FORMAT = "tacos-cache"
_LARGEST_COUNT = 2**53
_LONGEST_NAME = 500
_A_DAY_US = 86_400_000_000
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
    "n_cache_write_tokens": (int, type(None)),
}


class VectorLengths:
    """The number of bytes that the values of one embedding model have: that of the cache, else of the first one read.

    Args:
        connection: the cache.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    def check(self, kind: str, value: bytes) -> None:
        """See that a vector fits to the others of its kind; ValueError if it does not."""
        if not kind.startswith(EMBEDDING_KIND):
            return
        if kind not in self._known:
            found = self._connection.execute("SELECT LENGTH(value) FROM computed WHERE kind = ? LIMIT 1", (kind,))
            row = found.fetchone()
            self._known[kind] = len(value) if row is None else int(row[0])
        if len(value) != self._known[kind] or not value or len(value) % 4:
            raise ValueError(f"a vector of {len(value)} bytes, where the others of {kind!r} have {self._known[kind]}")
        if not all(map(math.isfinite, array("f", value))):
            raise ValueError("a vector with numbers that are not finite")


def read_entries(
    file: io.TextIOBase, path: Path, lengths: VectorLengths
) -> Iterator[CachedReply | tuple[str, str, bytes]]:
    """The entries of a file, each checked; the first line says the version, from version 2 on the last one counts."""
    version, n_replies, n_computed, is_ended = 0, 0, 0, False
    for number, line in enumerate(file, start=1):
        where = f"{path}, line {number}"
        if number == 1:
            version = _read_version(line, where)
            continue
        if not line.strip():
            continue
        entry = _parse(line, where)
        if is_ended:
            raise CacheError(f"{where} follows the last line of an export. Nothing was imported.")
        if isinstance(entry, dict) and entry.get("kind") == "end" and version > 1:
            is_ended = True
            if (entry.get("n_replies"), entry.get("n_computed")) != (n_replies, n_computed):
                raise CacheError(
                    f"{where}: the export had {entry.get('n_replies')} replies and {entry.get('n_computed')} computed "
                    f"values, but here are {n_replies} and {n_computed}. Export it again; nothing was imported."
                )
            continue
        read = _read_entry(entry, version, lengths, where)
        n_replies += isinstance(read, CachedReply)
        n_computed += not isinstance(read, CachedReply)
        yield read
    if not version:
        raise CacheError(f"{path} is empty: wanted an exported cache.")
    if version > 1 and not is_ended:
        raise CacheError(f"{path} was cut: its last line is missing. Export it again; nothing was imported.")


def _read_version(line: str, where: str) -> int:
    header = _parse(line, where)
    wanted = json.dumps({"format": FORMAT, "version": EXPORT_VERSION})
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CacheError(f"{where}: wanted the header of an exported cache, {wanted}.")
    version = header.get("version")
    if type(version) is not int or not 1 <= version <= EXPORT_VERSION:
        raise CacheError(
            f"{where}: the export has version {version!r}, this project reads versions 1 to {EXPORT_VERSION}. Export "
            "it with the same version of the project."
        )
    return version


def _parse(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CacheError(
            f"{where} is not JSON ({error}). The file may have been cut; export it again. Nothing was imported."
        ) from None


def _read_entry(entry: Any, version: int, lengths: VectorLengths, where: str) -> CachedReply | tuple[str, str, bytes]:
    try:
        kind = entry.pop("kind")
        checksum = entry.pop("checksum") if version > 1 else None
        if kind == "computed":
            value = base64.b64decode(entry["value"], validate=True)
            _check_name(entry, "model")
            _check_name(entry, "key")
            lengths.check(entry["model"], value)
            read: CachedReply | tuple[str, str, bytes] = (entry["model"], entry["key"], value)
            found = row_checksum(*read)
        elif kind == "reply":
            read = _read_reply(entry if version > 2 else {"n_cache_write_tokens": None} | entry)
            found = read.checksum()
        else:
            raise ValueError(f"unknown kind {kind!r}")
        if checksum is not None and checksum != found.hex():
            raise ValueError("it does not match its checksum: it was changed after the export")
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, RecursionError) as error:
        raise CacheError(
            f"{where} is no entry of a cache: {type(error).__name__} {error}. Nothing was imported."
        ) from None
    return read


def _read_reply(entry: dict[str, Any]) -> CachedReply:
    """A reply whose values have the types and ranges that the table wants."""
    if len(bytes.fromhex(entry["key"])) != 32 or entry["key"] != entry["key"].lower():
        raise ValueError("'key' must be a sha256 in hex")
    for name, types in _TYPES.items():
        if type(entry[name]) not in types:
            raise TypeError(f"{name!r} is {entry[name]!r}")
    _check_name(entry, "stage")
    _check_name(entry, "model")
    for name in ("text", "refusal", "finish_reason"):
        (entry[name] or "").encode()  # lone surrogates cannot be stored
    _check_range(entry, "attempt", 1, _LARGEST_COUNT)
    _check_range(entry, "latency_ms", 0, _LARGEST_COUNT)
    _check_range(entry, "requested_at_us", 0, now_us() + _A_DAY_US)
    for name in ("n_prompt_tokens", "n_cached_tokens", "n_completion_tokens", "n_cache_write_tokens"):
        _check_range(entry, name, 0, _LARGEST_COUNT)
    return CachedReply(**entry)._replace(is_imported=True)


def _check_name(entry: dict[str, Any], name: str) -> None:
    value = entry[name]
    if not isinstance(value, str) or not 0 < len(value.encode()) <= _LONGEST_NAME:
        raise ValueError(f"{name!r} must be a text of 1 to {_LONGEST_NAME} bytes, but it is {value!r:.100}")


def _check_range(entry: dict[str, Any], name: str, least: float, most: float) -> None:
    value = entry[name]
    if value is not None and not least <= value <= most:
        raise ValueError(f"{name!r} must lie between {least} and {most}, but it is {value!r}")
