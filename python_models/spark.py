"""Moving rows into and out of Spark in bounded memory. Nothing of Spark is imported before a session is there."""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from python_models.settings import shared_staging_url

if TYPE_CHECKING:
    from datetime import date


def is_spark(engine_adapter: Any) -> bool:
    """Whether the engine is Spark, or Databricks, which speaks it."""
    return engine_adapter is not None and engine_adapter.dialect in ("spark", "databricks")


def keep_inner_steps() -> None:
    """Have SQLGlot write the steps (CTEs) of an inner query where they stand, when it writes Spark's SQL.

    It moves them to the top, as Hive wants them, but not of a CREATE TABLE, so that it shows when a table is written
    again: steps of the same name then clash, and an embedded model that is read twice brings every step twice. Spark
    has had inner steps since its version 3.
    """
    from sqlglot.generators.spark import SparkGenerator

    SparkGenerator.EXPRESSIONS_WITHOUT_NESTED_CTES = set()


def once_condition(engine_adapter: Any) -> exp.Expression:
    """A condition that always holds, and has Spark compute a step (a CTE) once for all that read it.

    Spark copies a step into each of its readers, so that a chain of n steps that each read the one before twice becomes
    2^n of them; it keeps apart what is not deterministic. DuckDB computes a step once by itself.
    """
    if is_spark(engine_adapter):
        return exp.GTE(this=exp.Rand(), expression=exp.Literal.number(0))
    return exp.true()


def read_parquet(spark: Any, path: Path, constants: Mapping[str, str]) -> Any:
    """A data frame over a local Parquet file, with constant text columns; the file stays until the process ends.

    SQLMesh inserts a frame after the model has ended, or before, depending on the kind of the model: a file that was
    removed by the model would be gone. Executors on other machines read a copy under ``TACOS_STAGING``.
    """
    from pyspark.sql import functions

    url = shared_staging_url()
    if url is None:
        atexit.register(path.unlink, missing_ok=True)
        frame = spark.read.parquet(path.as_uri())
    else:
        frame = spark.read.parquet(_copied(spark, path, f"{url.rstrip('/')}/{path.name}"))
        path.unlink()
    return frame.withColumns({name: functions.lit(value) for name, value in constants.items()}) if constants else frame


def _copied(spark: Any, path: Path, target: str) -> str:
    """Copy a file to where executors can read it, through the file system that Spark has for the address."""
    jvm = spark._jvm
    to = jvm.org.apache.hadoop.fs.Path(target)
    files = to.getFileSystem(spark._jsc.hadoopConfiguration())
    files.copyFromLocalFile(jvm.org.apache.hadoop.fs.Path(path.as_uri()), to)
    files.deleteOnExit(to)
    return target


def read_arrow(frame: Any, batch_size: int) -> Iterator[pa.RecordBatch]:
    """Read a frame in record batches, in its order; the driver holds one partition at a time."""
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = to_arrow_schema(frame.schema)
    rows = frame.toLocalIterator()
    while chunk := list(islice(rows, batch_size)):
        yield pa.RecordBatch.from_pylist([row.asDict(recursive=True) for row in chunk], schema=schema)


def drop_days(engine_adapter: Any, table: exp.Table, column: str, first: date, last: date) -> str | None:
    """The statement that drops the days of a table by time which are about to be written; None if it has none.

    Spark overwrites the partitions of which there are new rows: a day that has none any more would keep its old ones.
    Should the write then fail, the days are missing until the next run, which writes them again.
    """
    if not engine_adapter.table_exists(table):
        return None
    name = table.sql(dialect="spark", identify=True, comments=False)
    days = [partition.partition("=")[2] for (partition,) in engine_adapter.fetchall(f"SHOW PARTITIONS {name}")]
    gone = [f"PARTITION ({column} = '{day}')" for day in days if first.isoformat() <= day <= last.isoformat()]
    return f"ALTER TABLE {name} DROP IF EXISTS {', '.join(gone)}" if gone else None
