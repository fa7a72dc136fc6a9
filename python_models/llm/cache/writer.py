"""Group commit: one thread writes what many calls bring, and tells each of them when it is on the disk."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from python_models.llm.cache.schema import as_cache_error, connect, transaction
from python_models.llm.errors import CacheError

# Rows that go into one commit at most; a commit takes whatever is waiting, so that it is small when little comes.
_LARGEST_GROUP = 2_000

Rows = Sequence[Sequence[object]]


@dataclass(slots=True)
class Work:
    """One statement for many rows, with further statements of the same transaction.

    Attributes:
        sql, rows: what is executed.
        also: further (sql, rows), in the same transaction.
        done: called in the writer's thread after the commit with None, or with the error; it must be quick.
    """

    sql: str
    rows: Rows
    also: tuple[tuple[str, Rows], ...] = ()
    done: Callable[[CacheError | None], None] | None = None


class CacheWriter:
    """A thread with its own connection that commits in groups.

    Args:
        path: the cache file.
        after_group: called in the writer's thread after each group, once, for those who wake others per group.
    """

    def __init__(self, path: Path, after_group: Callable[[], None] | None = None) -> None:
        self._path = path
        self._connection = connect(path)
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.after_group = after_group
        self._thread = threading.Thread(target=self._run, name="tacos-cache-writer", daemon=True)
        self._is_closed = False
        self._thread.start()

    def send(self, work: Work) -> None:
        """Hand over work; ``work.done`` is called after its commit."""
        if self._is_closed:
            raise CacheError(f"The response cache {self._path} is closed.")
        self._waiting.put(work)

    def submit(self, work: Work) -> Future[None]:
        """Hand over work; the future resolves after its commit, or raises CacheError."""
        future: Future[None] = Future()

        def settle(error: CacheError | None) -> None:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        work.done = settle
        self.send(work)
        return future

    def close(self) -> None:
        """Commit what is waiting and end the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put(None)
            self._thread.join()
            self._connection.close()

    def _run(self) -> None:
        while True:
            group, is_last = self._next_group()
            if group:
                error = self._commit(group)
                for work in group:
                    if work.done is not None:
                        work.done(error)
                if self.after_group is not None:
                    self.after_group()
            if is_last:
                return

    def _next_group(self) -> tuple[list[Work], bool]:
        group: list[Work] = []
        work = self._waiting.get()
        while work is not None:
            group.append(work)
            if len(group) >= _LARGEST_GROUP:
                return group, False
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[Work]) -> CacheError | None:
        """Write the group in one transaction; all of it or nothing is kept."""
        by_statement: dict[str, list[Sequence[object]]] = {}
        for work in group:
            for sql, rows in ((work.sql, work.rows), *work.also):
                by_statement.setdefault(sql, []).extend(rows)
        try:
            with transaction(self._connection):
                for sql, rows in by_statement.items():
                    self._connection.executemany(sql, rows)
        except (sqlite3.Error, OverflowError, ValueError) as error:
            return as_cache_error(error, self._path)
        return None
