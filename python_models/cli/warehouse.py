"""Reading the warehouse from a command, without blocking a run for longer than needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from python_models.engine_connection import Connection, EngineConnection, MissingTableError, relations
from python_models.settings import PROJECT_ROOT, cache_path, database_path, uses_spark
from python_models.terminal import UserError


class WarehouseError(UserError, RuntimeError):
    """The warehouse cannot be read: says the file and what to do."""


def locked_message(path: Path, error: Exception) -> str:
    """What to do when another process holds the DuckDB file."""
    return (
        f"{path} is open in another process, and DuckDB lets one process in at a time when one of them writes. "
        f"Close the notebook, SQL client or other run that holds it, and try again. ({error})"
    )


def full_message(error: object) -> str | None:
    """What to do when a disk is full; None if the error says nothing of that."""
    if not any(words in str(error) for words in ("No space left", "Disk quota exceeded", "File too large")):
        return None
    return (
        f"There is no space left on a disk: {error}\nFree some, or set TACOS_DATABASE (now {database_path()}) or "
        f"TACOS_CACHE (now {cache_path()}) to a file on another disk, and run again: replies that were paid for are in "
        "the cache."
    )


def open_message(path: Path, error: Exception) -> str:
    """What to do when DuckDB could not open or write the file."""
    if "lock" in str(error):
        return locked_message(path, error)
    return full_message(error) or f"The warehouse {path} cannot be opened: {error}"


def check_that_it_opens(path: Path) -> None:
    """See whether SQLMesh will be able to open the warehouse for writing; one that is not there yet it will make.

    Raises:
        WarehouseError: it is a folder, no DuckDB file, or held by another process.
    """
    if path.is_dir():
        raise WarehouseError(f"TACOS_DATABASE must be the path of a file, but {path} is a folder.")
    if not path.exists():
        return
    try:
        duckdb.connect(str(path)).close()
    except duckdb.ConnectionException:
        return  # this process has it open already, in another way
    except duckdb.IOException as error:
        raise WarehouseError(open_message(path, error)) from error


@contextmanager
def open_warehouse() -> Iterator[Connection]:
    """Open the warehouse for reading: the DuckDB file, or what the gateway names.

    Raises:
        WarehouseError: there is no such file yet, or another process holds it.
    """
    if uses_spark():
        yield EngineConnection(_gateway_adapter())
        return
    path = database_path()
    if not path.exists():
        raise WarehouseError(f"There is no warehouse at {path} yet. Make one: make run")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise WarehouseError(open_message(path, error)) from error
    try:
        yield connection
    finally:
        connection.close()


def _gateway_adapter() -> Any:
    """SQLMesh's adapter of the gateway, without the project: only its configuration is read."""
    from sqlmesh.core.config.loader import load_configs
    from sqlmesh.core.context import Context

    os.chdir(PROJECT_ROOT)
    config = load_configs(None, Context.CONFIG_TYPE, [PROJECT_ROOT])[PROJECT_ROOT]
    return config.get_connection(config.default_gateway_name).create_engine_adapter()


def schema_of(environment: str, schema: str = "tacos") -> str:
    """A schema of the project in an environment: ``tacos`` in prod, ``tacos__dev`` in dev."""
    return schema if environment == "prod" else f"{schema}__{environment}"


def rows(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """All rows of a query as dicts.

    Raises:
        WarehouseError: a table of the query is missing.
    """
    try:
        result = connection.execute(query, parameters)
    except (duckdb.CatalogException, MissingTableError) as error:
        raise WarehouseError(f"A table is missing; run the pipeline first (make run). ({error})") from error
    names = [column[0] for column in result.description]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def table_in(connection: Connection, environment: str, name: str, schema: str = "tacos") -> str:
    """Where an environment has a table: a plan makes views of the changed models only, the others are those of prod.

    Raises:
        WarehouseError: there is no such environment.
    """
    has_table: dict[str, bool] = {}
    for found_schema, table in relations(connection):
        if re.fullmatch("tacos(_internal)?(__.*)?", found_schema):
            has_table[found_schema] = has_table.get(found_schema, False) or table == name
    environments = {each.partition("__")[2] or "prod" for each in has_table}
    if environment not in environments:
        raise WarehouseError(
            f"There is no environment {environment!r} in the warehouse; there are: "
            f"{', '.join(sorted(environments)) or 'none'}. "
            f"Make it: sqlmesh plan {environment if environment != 'prod' else ''}".rstrip()
        )
    own = schema_of(environment, schema)
    return f'"{own if has_table.get(own) else schema}"."{name}"'
