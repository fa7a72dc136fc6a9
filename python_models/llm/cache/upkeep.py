"""What can be taken out of the cache again: what was imported, what was damaged, and what is not waited for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from python_models.llm.cache.checksum import (
    CHECKED_COMPUTED_COLUMNS,
    CHECKED_REPLY_COLUMNS,
    reply_checksum,
    row_checksum,
)
from python_models.llm.cache.schema import as_cache_error, connect, transaction
from python_models.llm.errors import CacheError


class Dropped(NamedTuple):
    """How many replies and computed values were taken out."""

    n_replies: int
    n_computed: int


def drop_imported(path: Path) -> Dropped:
    """Take out everything that was imported; what was paid for or computed here stays.

    Raises:
        CacheError: there is no cache, or it cannot be written.
    """
    with _changing(path) as connection:
        return Dropped(
            connection.execute("DELETE FROM replies WHERE is_imported = 1").rowcount,
            connection.execute("DELETE FROM computed WHERE is_imported = 1").rowcount,
        )


def drop_damaged(path: Path) -> Dropped:
    """Take out every row that does not match its checksum. What such replies cost stays counted, at the full price.

    Raises:
        CacheError: there is no cache, or it cannot be written.
    """
    with _changing(path) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # damage may be no UTF-8
        replies = _damaged_rows(connection, "replies", CHECKED_REPLY_COLUMNS, reply_checksum)
        computed = _damaged_rows(connection, "computed", CHECKED_COMPUTED_COLUMNS, row_checksum)
        connection.executemany(
            "INSERT INTO reservations (request_key, stage, model, n_prompt_tokens, n_completion_tokens, is_batch,"
            " sent_at) SELECT request_key, stage, model, COALESCE(n_prompt_tokens, 0),"
            " COALESCE(n_completion_tokens, 0), 0, requested_at"
            " FROM replies WHERE rowid = ? AND is_imported = 0 AND is_free = 0",
            replies,
        )
        connection.executemany("DELETE FROM replies WHERE rowid = ?", replies)
        connection.executemany("DELETE FROM computed WHERE rowid = ?", computed)
    return Dropped(len(replies), len(computed))


def give_up_batch(path: Path, batch_id: str) -> int:
    """Wait no more for a batch that the endpoint does not know any more; its requests are asked again by the next run.

    What they may have cost stays counted, at the worst price, where a spending limit was set.

    Returns:
        The number of its requests.

    Raises:
        CacheError: no such batch is under way; names those that are.
    """
    with _changing(path) as connection:
        rows = connection.execute("SELECT batch_id, token, n_requests FROM batches WHERE status = 'open'").fetchall()
        found = [(token, n_requests) for known, token, n_requests in rows if batch_id in {known, token}]
        if not found:
            under_way = ", ".join(known or token for known, token, _ in rows) or "none"
            raise CacheError(f"No batch {batch_id} is under way in {path}. Under way: {under_way}.")
        ((token, n_requests),) = found
        connection.execute("UPDATE batches SET status = 'given_up' WHERE token = ?", (token,))
        connection.execute(  # under another key, so that the end of the next batch does not take them for its own
            "UPDATE reservations SET request_key = randomblob(32) WHERE is_batch = 1"
            " AND request_key IN (SELECT request_key FROM batch_requests WHERE token = ?)",
            (token,),
        )
    return int(n_requests)


def _damaged_rows(
    connection: sqlite3.Connection, table: str, columns: str, checksum_of: Callable[..., bytes]
) -> list[tuple[int]]:
    rows = connection.execute(f"SELECT rowid, checksum, {columns} FROM {table}")  # noqa: S608
    return [(rowid,) for rowid, checksum, *values in rows if checksum_of(*values) != checksum]


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    """The cache in one transaction."""
    if not path.exists():
        raise CacheError(f"There is no response cache at {path} yet: it is made by the first run.")
    with closing(connect(path)) as connection:
        try:
            with transaction(connection):
                yield connection
        except sqlite3.Error as error:
            raise as_cache_error(error, path) from error
