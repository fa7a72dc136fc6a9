"""Reading the warehouse from a command, without blocking a run for longer than needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from python_models.settings import database_path
from python_models.terminal import UserError


class WarehouseError(UserError, RuntimeError):
    """The warehouse cannot be read: says the file and what to do."""


def locked_message(path: Path, error: Exception) -> str:
    """What to do when another process holds the DuckDB file."""
    return (
        f"{path} is open in another process, and DuckDB lets one process in at a time when one of them writes. "
        f"Close the notebook, SQL client or other run that holds it, and try again. ({error})"
    )


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
        if "lock" in str(error):
            raise WarehouseError(locked_message(path, error)) from error
        raise WarehouseError(f"The warehouse {path} cannot be opened: {error}") from error


@contextmanager
def open_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading.

    Raises:
        WarehouseError: there is no such file yet, or another process holds it.
    """
    path = database_path()
    if not path.exists():
        raise WarehouseError(f"There is no warehouse at {path} yet. Make one: make run")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise WarehouseError(locked_message(path, error)) from error
    try:
        yield connection
    finally:
        connection.close()


def schema_of(environment: str, schema: str = "tacos") -> str:
    """A schema of the project in an environment: ``tacos`` in prod, ``tacos__dev`` in dev."""
    return schema if environment == "prod" else f"{schema}__{environment}"


def rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """All rows of a query as dicts.

    Raises:
        WarehouseError: a table of the query is missing.
    """
    try:
        result = connection.execute(query, parameters)
    except duckdb.CatalogException as error:
        raise WarehouseError(f"A table is missing; run the pipeline first (make run). ({error})") from error
    names = [column[0] for column in result.description]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def table_in(connection: duckdb.DuckDBPyConnection, environment: str, name: str, schema: str = "tacos") -> str:
    """Where an environment has a table: a plan makes views of the changed models only, the others are those of prod.

    Raises:
        WarehouseError: there is no such environment.
    """
    found = rows(
        connection,
        "SELECT table_schema, BOOL_OR(table_name = ?) AS has_table FROM information_schema.tables "
        "WHERE REGEXP_MATCHES(table_schema, '^tacos(_internal)?(__.*)?$') GROUP BY table_schema",
        [name],
    )
    has_table = {row["table_schema"]: row["has_table"] for row in found}
    environments = {each.partition("__")[2] or "prod" for each in has_table}
    if environment not in environments:
        raise WarehouseError(
            f"There is no environment {environment!r} in the warehouse; there are: "
            f"{', '.join(sorted(environments)) or 'none'}. "
            f"Make it: sqlmesh plan {environment if environment != 'prod' else ''}".rstrip()
        )
    own = schema_of(environment, schema)
    return f'"{own if has_table.get(own) else schema}"."{name}"'
