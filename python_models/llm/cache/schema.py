"""How the cache file is opened: created, recognised, brought up to date; and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from python_models.llm.cache.checksum import row_checksum
from python_models.llm.cache.tables import APPLICATION_ID, SCHEMA_VERSION, TABLES, UPGRADES, VIEWS
from python_models.llm.errors import CacheError

# Seconds that a write waits for another process's write.
_BUSY_TIMEOUT_S = 60.0
_RETRY_S = 0.01


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the cache file, creating it if needed, in write-ahead mode and synchronous to the disk.

    A file of an older version is brought up to date; one that is only read is read as it is.

    Raises:
        CacheError: not a cache file, of another version, or not to be opened or written.
    """
    try:
        connection = _open_to_read(path) if read_only else _open_to_write(path)
        connection.isolation_level = None  # transactions are opened by hand
        connection.create_function("row_checksum", -1, row_checksum, deterministic=True)
    except (sqlite3.Error, OSError) as error:
        raise as_cache_error(error, path) from error
    try:
        _prepare_patiently(connection, path, read_only)
    except sqlite3.Error as error:
        connection.close()
        raise as_cache_error(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_write(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading beside a run that writes; where nobody can write (a read-only medium), without a lock."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    if not is_writable(path):
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise OSError(
                f"it lies where nothing can be written, and its last replies are in {log.name} beside it, which "
                "SQLite has to merge first: copy both to a folder that can be written, and set TACOS_CACHE to the copy"
            )
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)


def is_writable(path: Path) -> bool:
    """Whether the file, and the files that SQLite puts beside it, can be written; True where there is no file yet."""
    return not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _prepare_patiently(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    """Wait as long as for a write where SQLite does not: for a file that another process makes at this moment."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            return _prepare(connection, path, read_only)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _prepare(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    if not read_only:
        connection.execute("PRAGMA synchronous = FULL")
    if not read_only and _is_empty(connection):
        _create(connection)
    version, application_id = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    if application_id != APPLICATION_ID:
        raise CacheError(
            f"{path} is a database, but not a response cache. Set TACOS_CACHE to another path; nothing was changed."
        )
    if version in UPGRADES:
        if read_only:
            for statement in VIEWS[version]:
                connection.execute(statement)
        else:
            _bring_up_to_date(connection)
    elif version != SCHEMA_VERSION:
        whose = "a newer" if version > SCHEMA_VERSION else "an older"
        raise CacheError(
            f"The response cache {path} has schema version {version}, written by {whose} version of this project; "
            f"this one reads version {SCHEMA_VERSION}. Use that version to `tacos cache export` it to JSONL, then "
            "import that into a new file (TACOS_CACHE); nothing was changed."
        )


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """From an older version, in one transaction; of two processes that try, one does it."""
    with transaction(connection):
        for version in range(_pragma(connection, "user_version"), SCHEMA_VERSION):
            for statement in UPGRADES[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the statements within, or none; other writers wait."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):  # of two processes that find an empty file, one creates the tables
        if _is_empty(connection):
            for statement in TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return _pragma(connection, "user_version") == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchall()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def as_cache_error(error: Exception, path: Path) -> CacheError:
    """Say what happened to the cache file and what to do about it."""
    what = str(error)
    if "full" in what or "disk I/O" in what or "No space" in what:
        advice = "Free some space (or set TACOS_CACHE to another disk) and run again; replies committed so far are kept"
    elif "Could not decode" in what:
        return damaged_error(path, "a row")
    elif "not a database" in what or "malformed" in what:
        advice = "Set TACOS_CACHE to another path, or restore the file; nothing was changed"
    elif "locked" in what or "busy" in what:
        advice = "Another program holds it open for writing: end that and run again"
    else:
        advice = "See that the folder exists and can be written, or set TACOS_CACHE to another path"
    return CacheError(f"The response cache {path} cannot be used: {what}. {advice}.")


def damaged_error(path: Path, what: str) -> CacheError:
    """Say that a row is not what was stored."""
    return CacheError(
        f"In the response cache {path}, {what} was changed after it was stored: it does not match its checksum. "
        "Restore the file from a backup, or remove such rows with `tacos cache drop-damaged`, so that they are asked "
        "for again."
    )
