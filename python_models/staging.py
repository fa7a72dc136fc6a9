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


def deliver(
    context: ExecutionContext, batches: Iterable[pa.RecordBatch], constants: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """Yield the batches as one result of a Python model: a query over a Parquet file on DuckDB, else one DataFrame.

    A model may yield once only: on DuckDB every further yield would be an insert of its own, and a kill between two
    would leave half a table. Nothing is yielded if there are no rows.

    Args:
        context: the model's execution context, which tells the engine.
        batches: record batches of one schema.
        constants: text columns that are the same in every row.
    """
    constants = constants or {}
    path = staging_dir() / f"{uuid.uuid4().hex}.parquet"
    try:
        names = write_batches(batches, path)
        if not names:
            return
        if context.engine_adapter.dialect == "duckdb":
            literals = [exp.alias_(exp.Literal.string(value), name) for name, value in constants.items()]
            source = exp.Table(this=exp.ReadParquet(expressions=[exp.Literal.string(str(path))]))
            yield exp.select(*[exp.column(name) for name in names], *literals).from_(source)
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


def write_batches(batches: Iterable[pa.RecordBatch], path: Path) -> list[str]:
    """Write batches of one schema to a Parquet file (zstd); return the column names, empty if there was no row."""
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    names: list[str] = []
    try:
        for batch in batches:
            if writer is None:
                writer, names = pq.ParquetWriter(path, batch.schema, compression="zstd"), batch.schema.names
            writer.write_batch(batch)
            n_rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return names if n_rows else []


def read_batches(
    context: ExecutionContext, query: exp.Query, batch_size: int = 2_000
) -> Iterator[list[dict[str, Any]]]:
    """Read a query in batches of rows, in bounded memory.

    On DuckDB it reads from a cursor of its own: the adapter's cursor is used again while a model runs, and a result
    that is still being read from it would end early without an error.

    Yields:
        Lists of at most ``batch_size`` rows, as dicts of Python values.
    """
    sql = query.sql(dialect=context.engine_adapter.dialect)
    if context.engine_adapter.dialect == "duckdb":
        cursor = context.engine_adapter.cursor.cursor()
        try:
            for batch in cursor.execute(sql).to_arrow_reader(batch_size):
                yield batch.to_pylist()
        finally:
            cursor.close()
    else:
        frame = context.fetchdf(query)
        yield [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
