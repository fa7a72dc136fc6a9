"""``tacos export``: the original records, whole, in the order of selection; nothing half written."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from python_models.cli import main

RECORDS = [
    {"messages": [{"role": "system", "content": "Be\nbrief."}, {"role": "user", "content": "é"}], "tools": [{"n": 1}]},
    {"instruction": "a", "output": "b", "weight": 0.5},
]


@pytest.fixture(autouse=True)
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("TACOS_DATABASE", str(path))
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """CREATE SCHEMA tacos;
            CREATE TABLE tacos.selected AS SELECT * FROM (VALUES ('s0', 2), ('s1', 1)) AS t(sample_id, selection_rank);
            CREATE TABLE tacos.samples AS SELECT * FROM (VALUES ('s0', 'r0'), ('s1', 'r1')) AS t(sample_id, record_id);
            CREATE TABLE tacos.source_records (record_id TEXT, conversation TEXT)"""
        )
        for number, record in enumerate(RECORDS):
            connection.execute(
                "INSERT INTO tacos.source_records VALUES (?, ?)", [f"r{number}", json.dumps(record, indent=1)]
            )
    return path


def test_records_come_back_whole_in_the_order_of_selection(tmp_path: Path) -> None:
    assert main(["export", str(tmp_path / "kept.jsonl")]) == 0
    lines = (tmp_path / "kept.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == RECORDS[::-1]


def test_nothing_selected_leaves_the_file_that_was_there(tmp_path: Path, warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("DELETE FROM tacos.selected")
    (tmp_path / "kept.jsonl").write_text("before")
    assert main(["export", str(tmp_path / "kept.jsonl")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.jsonl", "warehouse.duckdb"]
    assert (tmp_path / "kept.jsonl").read_text() == "before"
