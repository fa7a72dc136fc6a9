"""Queries of commands, written for DuckDB, on whatever engine has the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import duckdb
from sqlglot import exp, parse_one, tokenize
from sqlglot.tokenizer_core import TokenType

_SCHEMAS = "tacos"
"""What the schemas of the project begin with, in every environment."""


class MissingTableError(LookupError):
    """A query names a table that is not there."""


class EngineResult:
    """Rows of a query, fetched as a DuckDB cursor gives them, in bounded memory.

    Attributes:
        description: one tuple per column, its name first.
    """

    def __init__(self, frame: Any) -> None:
        self.description = [(name,) for name in frame.columns]
        self._rows: Iterator[Any] = frame.toLocalIterator()

    def fetchmany(self, n_rows: int) -> list[tuple[Any, ...]]:
        """At most so many further rows."""
        return [tuple(_plain(value) for value in row) for row in islice(self._rows, n_rows)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All further rows."""
        return [tuple(_plain(value) for value in row) for row in self._rows]


class EngineConnection:
    """The tables of an engine that has data frames of Spark, as a connection of DuckDB would show them.

    Args:
        engine_adapter: SQLMesh's adapter of the engine.
    """

    def __init__(self, engine_adapter: Any) -> None:
        self._adapter = engine_adapter

    def execute(self, query: str, parameters: Sequence[Any] = ()) -> EngineResult:
        """Run a query of DuckDB's dialect; ``?`` and ``$1`` in it stand for the parameters.

        Raises:
            MissingTableError: it names a table that is not there.
        """
        tree = with_parameters(query, parameters)
        try:
            return EngineResult(self._adapter.fetch_pyspark_df(tree))
        except Exception as error:
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                raise MissingTableError(str(error).splitlines()[0]) from error
            raise

    def relations(self) -> list[tuple[str, str]]:
        """Schema and name of all tables and views of the project."""
        schemas = [row[0] for row in self._adapter.fetchall("SHOW DATABASES")]
        return [
            (schema, row[1])
            for schema in schemas
            if schema.startswith(_SCHEMAS)
            for row in self._adapter.fetchall(f"SHOW TABLES IN `{schema}`")
        ]


Connection = duckdb.DuckDBPyConnection | EngineConnection
"""What a command reads from."""


def relations(connection: Connection) -> list[tuple[str, str]]:
    """Schema and name of all tables and views, of a connection of DuckDB or of another engine."""
    if isinstance(connection, EngineConnection):
        return connection.relations()
    found = connection.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
    return [(str(schema), str(name)) for schema, name in found]


def with_parameters(query: str, parameters: Sequence[Any]) -> exp.Expr:
    """A query of DuckDB's dialect with values in the place of ``?``, in their order, and of ``$1``, by their number."""
    marks = [token.start for token in tokenize(query, read="duckdb") if token.token_type == TokenType.PLACEHOLDER]
    for number, start in reversed(list(enumerate(marks, start=1))):  # in the order of the text, which a tree has not
        query = f"{query[:start]}${number}{query[start + 1 :]}"
    tree = parse_one(query, read="duckdb")
    for node in list(tree.find_all(exp.Parameter)):
        node.replace(exp.convert(parameters[int(node.name) - 1]))
    return tree


def _plain(value: Any) -> Any:
    """Structs as dicts, as DuckDB gives them."""
    if hasattr(value, "asDict"):
        return value.asDict(recursive=True)
    return [_plain(item) for item in value] if isinstance(value, list) else value
