"""The way of big results into the warehouse: through a Parquet file, in bounded memory, in one atomic insert."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from python_models.settings import staging_dir
from python_models.spark import drop_days, is_spark, read_parquet
from python_models.spark import read_arrow as read_spark_arrow

if TYPE_CHECKING:
    from sqlmesh import ExecutionContext
    from sqlmesh.core.context import BaseContext


class Days(NamedTuple):
    """The days, both included, that a model by time makes anew, and the column of its table that holds them."""

    model_name: str
    column: str
    first: date
    last: date


def deliver(
    context: ExecutionContext,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    constants: Mapping[str, str] | None = None,
    days: Days | None = None,
) -> Iterator[Any]:
    """Yield the batches as one result of a Python model: a query over a Parquet file, on Spark a frame over it.

    A model yields exactly once: on DuckDB every further yield would be an insert of its own, and a kill between two
    would leave half a table; without any, the old rows would stay. So a result without rows is a query without rows.

    Args:
        context: the model's execution context, which tells the engine.
        batches: record batches, none if there is nothing.
        schema: their schema.
        constants: text columns that are the same in every row.
        days: of a model by time, which days of its table the result replaces.
    """
    constants = constants or {}
    path = staging_dir() / f"{uuid.uuid4().hex}.parquet"
    is_kept = False
    try:
        write_batches(batches, schema, path)
        if is_spark(context.engine_adapter):
            is_kept = True
            if days is not None:
                _drop(context, days)
            yield read_parquet(context.engine_adapter.spark, path, constants)
        else:
            literals = [exp.alias_(exp.Literal.string(value), name) for name, value in constants.items()]
            source = exp.Table(this=exp.ReadParquet(expressions=[exp.Literal.string(str(path))]))
            yield exp.select(*[exp.column(name) for name in schema.names], *literals).from_(source)
    finally:
        if not is_kept:
            path.unlink(missing_ok=True)


def frame_result(context: ExecutionContext, frame: pd.DataFrame) -> Any:
    """A pandas frame as a Python model may yield it: as it is, on Spark through Parquet, where NaN is NULL too."""
    if not is_spark(context.engine_adapter):
        return frame
    table = pa.Table.from_pandas(frame, preserve_index=False)
    (result,) = deliver(context, table.to_batches(), table.schema)
    return result


def _drop(context: ExecutionContext, days: Days) -> None:
    """Drop the days on Spark, when all that was to be read of the table has been read."""
    table = exp.to_table(context.resolve_table(days.model_name), dialect="duckdb")
    statement = drop_days(context.engine_adapter, table, days.column, days.first, days.last)
    if statement:
        context.engine_adapter.execute(statement)


def empty_result(columns: Mapping[str, str]) -> exp.Select:
    """A query without rows, for a Python model that has nothing to yield.

    Args:
        columns: SQL types by name, as the model declares them.
    """
    typed = [exp.alias_(exp.cast(exp.Null(), kind, dialect="duckdb"), name) for name, kind in columns.items()]
    return exp.select(*typed).where(exp.false())


def write_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write batches of a schema to a Parquet file (zstd); a file without rows if there is none.

    Times are written to the microsecond, which is what a timestamp of either engine holds: pandas has nanoseconds,
    which Spark does not read.
    """
    times = {"coerce_timestamps": "us", "allow_truncated_timestamps": True}
    with pq.ParquetWriter(path, schema, compression="zstd", **times) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batches(context: BaseContext, query: exp.Query, batch_size: int = 2_000) -> Iterator[list[dict[str, Any]]]:
    """Read a query in batches of rows, in bounded memory.

    Yields:
        Lists of at most ``batch_size`` rows, as dicts of Python values.
    """
    for batch in read_arrow(context, query, batch_size):
        yield batch.to_pylist()


def read_arrow(context: BaseContext, query: exp.Query, batch_size: int) -> Iterator[pa.RecordBatch]:
    """Read a query in record batches of at most ``batch_size`` rows, in bounded memory.

    On DuckDB it reads from a cursor of its own: the adapter's cursor is used again while a model runs, and a result
    that is still being read from it would end early without an error.
    """
    if is_spark(context.engine_adapter):
        yield from read_spark_arrow(context.engine_adapter.fetch_pyspark_df(query), batch_size)
        return
    cursor = context.engine_adapter.cursor.cursor()
    try:
        yield from cursor.execute(query.sql(dialect="duckdb")).to_arrow_reader(batch_size)
    finally:
        cursor.close()
