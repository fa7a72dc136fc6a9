"""The way of big results into the warehouse: through a Parquet file, in bounded memory, in one atomic insert."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from python_models.settings import staging_dir

if TYPE_CHECKING:
    from sqlmesh import ExecutionContext
    from sqlmesh.core.context import BaseContext


def deliver(
    context: ExecutionContext,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    constants: Mapping[str, str] | None = None,
) -> Iterator[Any]:
    """Yield the batches as one result of a Python model: a query over a Parquet file on DuckDB, else one DataFrame.

    A model yields exactly once: on DuckDB every further yield would be an insert of its own, and a kill between two
    would leave half a table; without any, the old rows would stay. So a result without rows is a query without rows.

    Args:
        context: the model's execution context, which tells the engine.
        batches: record batches, none if there is nothing.
        schema: their schema.
        constants: text columns that are the same in every row.
    """
    constants = constants or {}
    path = staging_dir() / f"{uuid.uuid4().hex}.parquet"
    try:
        write_batches(batches, schema, path)
        if context.engine_adapter.dialect == "duckdb":
            literals = [exp.alias_(exp.Literal.string(value), name) for name, value in constants.items()]
            source = exp.Table(this=exp.ReadParquet(expressions=[exp.Literal.string(str(path))]))
            yield exp.select(*[exp.column(name) for name in schema.names], *literals).from_(source)
        else:
            yield pd.read_parquet(path).assign(**constants)
    finally:
        path.unlink(missing_ok=True)


def empty_result(columns: Mapping[str, str]) -> exp.Select:
    """A query without rows, for a Python model that has nothing to yield.

    Args:
        columns: SQL types by name, as the model declares them.
    """
    typed = [exp.alias_(exp.cast(exp.Null(), kind, dialect="duckdb"), name) for name, kind in columns.items()]
    return exp.select(*typed).where(exp.false())


def write_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write batches of a schema to a Parquet file (zstd); a file without rows if there is none."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batches(
    context: ExecutionContext, query: exp.Query, batch_size: int = 2_000
) -> Iterator[list[dict[str, Any]]]:
    """Read a query in batches of rows, in bounded memory.

    Yields:
        Lists of at most ``batch_size`` rows, as dicts of Python values.
    """
    if context.engine_adapter.dialect == "duckdb":
        for batch in read_arrow(context, query, batch_size):
            yield batch.to_pylist()
    else:
        frame = context.fetchdf(query)
        yield [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def read_arrow(context: BaseContext, query: exp.Query, batch_size: int) -> Iterator[pa.RecordBatch]:
    """Read a query in record batches of at most ``batch_size`` rows, on DuckDB in bounded memory.

    There it reads from a cursor of its own: the adapter's cursor is used again while a model runs, and a result that
    is still being read from it would end early without an error.
    """
    if context.engine_adapter.dialect != "duckdb":
        yield from pa.Table.from_pandas(context.fetchdf(query), preserve_index=False).to_batches(batch_size)
        return
    cursor = context.engine_adapter.cursor.cursor()
    try:
        yield from cursor.execute(query.sql(dialect="duckdb")).to_arrow_reader(batch_size)
    finally:
        cursor.close()
