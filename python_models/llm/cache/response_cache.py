"""The response cache: one SQLite file that holds every reply that was ever paid for, and what was computed from texts.

A reply is used only after it is committed, so that a kill loses at most the calls in flight. Commits are grouped (see
``writer``): many replies a second do not mean as many waits for the disk. Failures are never stored as replies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

from python_models.llm.cache.checked_rows import checked_rows
from python_models.llm.cache.checksum import reply_checksum, row_checksum
from python_models.llm.cache.rows import COLUMNS, INSERT_COMPUTED, INSERT_REPLY, CachedReply, Usage
from python_models.llm.cache.schema import as_cache_error, connect, damaged_error, is_writable
from python_models.llm.cache.writer import CacheWriter, Work
from python_models.llm.errors import CacheError

_KEYS_PER_QUERY = 500
Row = tuple[Any, ...]


class ResponseCache:
    """The response cache of one file; a context manager.

    Args:
        path: the SQLite file, created with its folder if it is not there.
        read_only: only look, for statistics beside a run; the file must exist. A file that cannot be written (a
            read-only medium) is opened so in any case: what it holds can be used, and the first write says why not.

    Raises:
        CacheError: the file cannot be used; or, by what reads, a row does not match its checksum; see the message.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self._read_only = read_only = read_only or not is_writable(self.path)
        if read_only and not self.path.exists():
            raise CacheError(f"There is no response cache at {self.path} yet: it is made by the first run.")
        self._connection = connect(self.path, read_only=read_only)
        self._checked = checked_rows(self.path)
        self._writer: CacheWriter | None = None

    def __enter__(self) -> ResponseCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is waiting and close the file."""
        self.flush()
        self._connection.close()

    def flush(self) -> None:
        """Commit what is waiting and end the writer's thread; the next write starts another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def writer(self) -> CacheWriter:
        """The thread that commits in groups, started on first use."""
        if self._read_only:
            raise CacheError(
                f"The response cache {self.path} can only be read, so that nothing new can be asked or stored. Copy it "
                "to a folder that can be written, and set TACOS_CACHE to the copy."
            )
        if self._writer is None:
            self._writer = CacheWriter(self.path)
        return self._writer

    def get_many(self, keys: Sequence[str]) -> dict[str, CachedReply]:
        """The replies that are there, by key (hex)."""
        found: dict[str, CachedReply] = {}
        sql = f"SELECT {COLUMNS}, rowid FROM replies WHERE request_key IN "  # noqa: S608
        for block in _blocks(keys):
            for row in self._read(sql + _marks(block), [bytes.fromhex(key) for key in block]):
                self._check(row)
                reply = _as_reply(row)
                found[reply.key] = reply
        return found

    def put(self, reply: CachedReply) -> Future[None]:
        """Store a reply; the future resolves when it is on the disk, or raises CacheError."""
        return self.writer.submit(Work(INSERT_REPLY, [reply.row()]))

    def get_computed(self, kind: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Values that an embedded model computed, by key, those that are there."""
        found: dict[str, bytes] = {}
        for block in _blocks(keys):
            sql = f"SELECT key, value, checksum FROM computed WHERE kind = ? AND key IN {_marks(block)}"  # noqa: S608
            for key, value, checksum in self._read(sql, [kind, *block]):
                found[key] = self._checked_value(kind, key, value, checksum)
        return found

    def put_computed(self, kind: str, items: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> None:
        """Store computed values under a kind (which should name the model); returns when they are on the disk."""
        pairs = items.items() if isinstance(items, Mapping) else items
        rows = [(kind, key, value, row_checksum(kind, key, value), 0) for key, value in pairs]
        self.writer.submit(Work(INSERT_COMPUTED.format("REPLACE"), rows)).result()

    def usage(self) -> list[Usage]:
        """Calls and tokens per stage, model and price class, from all replies."""
        rows = self._read(
            "SELECT stage, model, is_batch, is_imported, is_free, COUNT(*), COUNT(*) - COUNT(n_prompt_tokens),"
            " COALESCE(SUM(n_prompt_tokens), 0), COALESCE(SUM(n_cached_tokens), 0),"
            " COALESCE(SUM(n_completion_tokens), 0), COALESCE(SUM(n_cache_write_tokens), 0)"
            " FROM replies GROUP BY stage, model, is_batch, is_imported, is_free ORDER BY 1, 2, 3, 4, 5",
            [],
        )
        return [Usage(row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4]), *row[5:]) for row in rows]

    def reserved(self) -> list[tuple[str, bool, int, int]]:
        """Model, whether batch, prompt and completion tokens (at most) of requests whose outcome is not known."""
        return list(
            self._read(
                "SELECT model, is_batch, SUM(n_prompt_tokens), SUM(n_completion_tokens) FROM reservations"
                " GROUP BY model, is_batch",
                [],
            )
        )

    def iter_columns(self, columns: Sequence[str]) -> Iterator[list[Row]]:
        """Blocks of these columns (SQL) and the rowid of all replies, in the order of ``iter_replies``.

        In bounded memory. Rows that this process has not held against their checksums yet are before they are given.
        """
        for rows in self._iter_rows(", ".join(columns)):
            if not self._checked.has_all(row[-1] for row in rows):
                last = rows[0][-1] - 1
                for row in next(self._iter_rows(COLUMNS, last)):
                    self._check(row)
            yield rows

    def iter_replies(self) -> Iterator[CachedReply]:
        """All replies in the order in which they were stored, in bounded memory."""
        for rows in self._iter_rows(COLUMNS):
            for row in rows:
                self._check(row)
                yield _as_reply(row)

    def _iter_rows(self, columns: str, after: int = 0) -> Iterator[list[Row]]:
        """Blocks of columns and rowid, after a rowid."""
        sql = f"SELECT {columns}, rowid FROM replies WHERE rowid > ? ORDER BY rowid LIMIT 1000"  # noqa: S608
        while rows := self._read(sql, [after]):
            yield rows
            after = rows[-1][-1]

    def iter_computed(self) -> Iterator[tuple[str, str, bytes]]:
        """All computed values as (kind, key, value), in bounded memory."""
        last = 0
        while rows := self._read(
            "SELECT rowid, kind, key, value, checksum FROM computed WHERE rowid > ? ORDER BY rowid LIMIT 1000", [last]
        ):
            for _, kind, key, value, checksum in rows:
                yield kind, key, self._checked_value(kind, key, value, checksum)
            last = rows[-1][0]

    def counts(self) -> tuple[int, int]:
        """Number of replies and of computed values."""
        row = self._read("SELECT (SELECT COUNT(*) FROM replies), (SELECT COUNT(*) FROM computed)", [])[0]
        return int(row[0]), int(row[1])

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a query on the cache file (for the batch API and statistics)."""
        return self._read(sql, parameters)

    def _check(self, row: Row) -> None:
        """Hold a row of ``COLUMNS`` and rowid against its checksum."""
        key = row[0]
        if not isinstance(key, bytes) or reply_checksum(*row[:13], row[14], row[15]) != row[16]:
            raise damaged_error(self.path, f"the reply {key.hex() if isinstance(key, bytes) else key}")
        self._checked.add(row[-1])

    def _checked_value(self, kind: str, key: str, value: bytes, checksum: bytes) -> bytes:
        if row_checksum(kind, key, value) != checksum:
            raise damaged_error(self.path, f"the computed value {key}")
        return value

    def _read(self, sql: str, parameters: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise as_cache_error(error, self.path) from error


def _blocks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        yield keys[start : start + _KEYS_PER_QUERY]


def _marks(block: Sequence[str]) -> str:
    return f"({','.join('?' * len(block))})"


def _as_reply(row: Row) -> CachedReply:
    """The reply of a row of ``COLUMNS``, whatever stands after them."""
    return CachedReply._make((row[0].hex(), *row[1:12], row[12] == 1, row[13] == 1, row[14] == 1, row[15]))
