"""A table or view of the engine as a dataset: its rows are records, as those of a Parquet file are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from python_models.terminal import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

PREFIX = "table:"
READ_ROWS = 2_000
# Schemas in which a run makes its own tables: what is read there would be what the last run left.
_MADE_BY_A_RUN = re.compile(r"(tacos|tacos_internal|sqlmesh)(__.*)?", re.IGNORECASE)

QueryReader = Callable[[Any, int], Iterable["pa.RecordBatch"]]
"""Reads a query (an expression of sqlglot) in record batches of at most so many rows, in bounded memory."""


class TableError(UserError, ValueError):
    """A table cannot be read: the message says which, why, and what to do."""


@dataclass(frozen=True)
class DatasetTable:
    """A table of a dataset.

    Attributes:
        name: its schema and name, and its catalog if that was named.
        read: what reads queries, None where no engine is at hand, and only the name can be looked at.
    """

    name: exp.Table
    read: QueryReader | None

    @property
    def source_file(self) -> str:
        """``schema.name``: what the ids of its records are made of, whatever the catalog is called."""
        return f"{self.name.db}.{self.name.name}"

    def batches(self, n_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Read its rows, all or so many, in the order in which the engine gives them.

        Raises:
            TableError: there is no such table, or the engine fails.
        """
        assert self.read is not None, "a table is read where its engine is at hand"
        from sqlglot import exp

        query = exp.select("*").from_(self.name.copy())
        try:
            yield from self.read(query if n_rows is None else query.limit(n_rows), READ_ROWS)
        except Exception as error:  # each engine has errors of its own
            raise unreadable(self.source_file, error) from error


def unreadable(table: str, error: Exception) -> TableError:
    """What to say where the engine cannot read a table."""
    why = (str(error).strip() or type(error).__name__).splitlines()[0]
    name = table.strip().removeprefix(PREFIX)
    return TableError(
        f"TACOS_DATASET names the table {name}, which cannot be read: {why}. Check its name, and that it is in the "
        "warehouse of this gateway."
    )


def is_table(dataset: str) -> bool:
    """Whether the setting names a table."""
    return dataset.strip().startswith(PREFIX)


def is_made_by_a_run(schema: str) -> bool:
    """Whether the tables of a schema are the project's own, or SQLMesh's."""
    return _MADE_BY_A_RUN.fullmatch(schema) is not None


def find_table(dataset: str, read: QueryReader | None) -> DatasetTable:
    """Find the table that the setting names.

    Args:
        dataset: ``table:schema.name``, or with a catalog before the schema; quoted parts as in SQL.
        read: what reads it; None to look at the name alone.

    Raises:
        TableError: no name of a table with its schema, a table that a run makes, or one that is not there.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    given = dataset.strip().removeprefix(PREFIX).strip()
    try:
        name = exp.to_table(given, dialect="duckdb")
    except SqlglotError:
        name = exp.Table()
    if not (name.db and name.name):
        raise TableError(
            f"TACOS_DATASET must name a table with its schema, such as {PREFIX}main.chats, but it is {dataset!r}."
        )
    if is_made_by_a_run(name.db):
        raise TableError(
            f"TACOS_DATASET names {given}, but what is in the schema {name.db} is made by a run. Name the table that "
            "your data are in, in a schema of its own."
        )
    table = DatasetTable(name, read)
    if read is not None:
        for _ in table.batches(0):
            pass
    return table
