"""The day of a record: it is in exactly one day of the table, whatever range is processed, and that day stays."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import md5
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
from sqlmesh.core.engine_adapter import create_engine_adapter
from sqlmesh.utils.errors import SQLMeshError

from python_models.source.first_seen import DATED_SCHEMA, FirstSeen, give_dates, read_first_seen
from python_models.source.rows import SCHEMA
from python_models.staging import deliver, empty_result

TODAY = date(2026, 3, 10)
OLD = date(2026, 1, 1)


def record_id(name: str) -> str:
    return md5(name.encode(), usedforsecurity=False).hexdigest()


def known(own: dict[str, date], production: dict[str, date]) -> FirstSeen:
    """The days as they are read from two tables."""
    connection = duckdb.connect()
    for table, days in (("own_table", own), ("production", production)):
        connection.execute(f"CREATE TABLE {table} (record_id TEXT, ingested_at DATE)")
        for name, day in days.items():
            connection.execute(f"INSERT INTO {table} VALUES (?, ?)", [record_id(name), day])
    context: Any = SimpleNamespace(
        engine_adapter=create_engine_adapter(lambda: connection, "duckdb"), resolve_table=lambda _: "own_table"
    )
    return read_first_seen(context, "production")


def days(names: list[str], first_seen: FirstSeen, start: date, end: date = TODAY) -> dict[str, date]:
    """The day that each record gets, of those in the range."""
    columns = [
        [record_id(name) for name in names] if field.name == "record_id" else [None] * len(names) for field in SCHEMA
    ]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
    rows = [row for dated in give_dates([batch], first_seen, start, end, TODAY) for row in dated.to_pylist()]
    ids = {record_id(name): name for name in names}
    return {ids[row["record_id"]]: row["ingested_at"] for row in rows}


def test_a_new_record_is_of_today_and_an_old_one_stays_where_it_is() -> None:
    first_seen = known({"old": OLD, "recent": TODAY - timedelta(2)}, {"old": OLD})
    week = TODAY - timedelta(7)
    assert days(["old", "recent", "new"], first_seen, week) == {"recent": TODAY - timedelta(2), "new": TODAY}
    assert days(["old", "new"], first_seen, OLD) == {"old": OLD, "new": TODAY}


def test_a_new_version_of_the_table_takes_the_days_of_production() -> None:
    first_seen = known({}, {"old": OLD})
    assert days(["old", "new"], first_seen, date(2020, 1, 1)) == {"old": OLD, "new": TODAY}


def test_no_record_falls_between_ranges() -> None:
    """A restatement ends yesterday, an environment may begin last week: what the table lacks comes in all the same."""
    yesterday = TODAY - timedelta(1)
    first_seen = known({}, {"old": OLD, "of today": TODAY})
    assert days(["old", "of today", "new"], first_seen, TODAY - timedelta(7), yesterday) == {
        "old": TODAY - timedelta(7),
        "of today": yesterday,
        "new": yesterday,
    }


def test_a_record_of_the_table_is_never_delivered_for_another_day() -> None:
    first_seen = known({"later": TODAY}, {"later": OLD})
    assert days(["later"], first_seen, OLD, OLD) == {}


def test_an_id_that_ends_in_zeros_is_found() -> None:
    first_seen = FirstSeen(
        pa.array([b"\1" + bytes(15), b"\2" * 16]).to_numpy(zero_copy_only=False).astype("S16"),
        *(pa.array([1, 2], pa.int32()).to_numpy() for _ in range(2)),
    )
    own, _ = first_seen.look_up(["01" + "00" * 15, "02" * 16, "ff" * 16])
    assert own.tolist()[:2] == [1, 2]
    assert own[2] < 0


def test_a_model_that_was_never_planned_has_no_table() -> None:
    def fail(_: str) -> str:
        raise SQLMeshError("no mapping")

    adapter = create_engine_adapter(duckdb.connect, "duckdb")
    context: Any = SimpleNamespace(engine_adapter=adapter, resolve_table=fail)
    assert len(read_first_seen(context, "tacos.source_records").ids) == 0


def test_a_result_without_rows_is_a_query_without_rows(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    connection = duckdb.connect()
    context: Any = SimpleNamespace(engine_adapter=SimpleNamespace(dialect="duckdb"))
    for query in deliver(context, [], DATED_SCHEMA, {"code_digest": "x"}):
        described = connection.sql(query.sql(dialect="duckdb"))
        assert (described.columns, described.fetchall()) == ([*DATED_SCHEMA.names, "code_digest"], [])
    described = connection.sql(empty_result({"a": "text", "b": "double[]"}).sql(dialect="duckdb"))
    assert ([str(kind) for kind in described.types], described.fetchall()) == (["VARCHAR", "DOUBLE[]"], [])
