"""A table of Spark as the dataset: the records, ids included, are those of DuckDB's table with the same rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from spark_project import missing_for_spark
from sqlmesh import Context
from sqlmesh.core.config.loader import load_configs
from test_source_tables import TABLES, make_table, reader_of, rows

from python_models.settings import PROJECT_ROOT
from python_models.source.tables import TableError
from python_models.staging import read_arrow

MISSING = missing_for_spark()
pytestmark = [pytest.mark.spark, pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]


def test_records_of_a_table_are_the_same_on_both_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GATEWAY": "spark", "SPARK_MASTER": "local[1]", "SPARK_FOLDER": str(tmp_path)}.items():
        monkeypatch.setenv(f"TACOS_{name}", value)
    config = load_configs(None, Context.CONFIG_TYPE, [PROJECT_ROOT])[PROJECT_ROOT]
    adapter = config.get_connection("spark").create_engine_adapter()
    try:
        read = partial(read_arrow, SimpleNamespace(engine_adapter=adapter))
        adapter.spark.sql("CREATE DATABASE chats")
        with duckdb.connect() as connection:
            connection.execute("CREATE SCHEMA chats")
            for columns, values in (TABLES["messages"], TABLES["numbers"]):
                make_table(connection, columns, values)
                connection.execute(f"COPY chats.mine TO '{tmp_path}/mine.parquet' (FORMAT parquet)")
                frame = adapter.spark.read.parquet(f"{tmp_path}/mine.parquet")
                frame.write.mode("overwrite").saveAsTable("chats.mine")
                of_spark = rows("table:chats.mine", read)
                assert of_spark == rows("table:chats.mine", reader_of(connection))
                assert any(row["error"] is None for row in of_spark)
        adapter.spark.sql("CREATE VIEW chats.seen AS SELECT * FROM chats.mine ORDER BY question")
        assert [row["record_no"] for row in rows("table:chats.seen", read) if row["error"] is None] == [2]
        with pytest.raises(TableError, match=r"names the table chats\.none, which cannot be read"):
            rows("table:chats.none", read)
    finally:
        adapter.spark.stop()
