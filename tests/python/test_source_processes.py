"""A process per core reads what one process reads: the same rows in the same order, whatever is in the files."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_models.settings import SettingError
from python_models.source import parts, processes
from python_models.source.files import DatasetError, find_files
from python_models.source.parts import plan_tasks
from python_models.source.records import describe_files, read_ids, read_records

pytestmark = pytest.mark.long

RECORDS = [{"instruction": f"Say {n}.", "output": f"{n}\n" * (n % 7 + 1)} for n in range(900)]
LINES = [json.dumps(record) for record in RECORDS]
DAMAGED = [*LINES[:300], '{"instruction": "cut', *LINES[300:500], '{"instruction": "a", "output": 1 2}', *LINES[500:]]
OPEN = [*LINES[:400], '{"instruction": "open",', *LINES[400:700], '"output": "o"}', *LINES[700:]]
TEXTS = {
    "lines": "\n".join(LINES) + "\n",
    "no line end": "\n".join(LINES),
    "blank lines": "\r\n\r\n".join(LINES) + "\n\n",
    "long lines": "\n".join(line[:-2] + "x" * 9_000 + '"}' for line in LINES[:60]) + "\n",
    "damaged lines": "\n".join(DAMAGED) + "\n",
    "a value over many lines": "\n".join(OPEN) + "\n",
    "two records a line": "\n".join([*LINES[:500], *map("".join, zip(LINES[500::2], LINES[501::2], strict=True))])
    + "\n",
    "wrapped records": "\n".join([*LINES[:500], json.dumps({"data": RECORDS[500:520]}), *LINES[520:]]) + "\n",
    "indented objects after lines": "\n".join([*LINES[:600], *(json.dumps(r, indent=1) for r in RECORDS[600:]), ""]),
    "an array after lines": "\n".join([*LINES[:600], "[", ",\n".join(LINES[600:]), "]", ""]),
    "an open end": "\n".join([*LINES[:800], "[", *LINES[800:]]) + "\n",
    "not UTF-8": "\n".join([*LINES[:400], '{"instruction": "\udcff", "output": "o"}', *LINES[400:]]) + "\n",
}


def read_all(dataset: Path) -> tuple[Any, ...]:
    rows = [row for batch in read_records(str(dataset), "") for row in batch.to_pylist()]
    return rows, [i for ids in read_ids(str(dataset), "") for i in ids], describe_files(str(dataset))


def read_twice(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """Read with one process and with two, and give what both read."""
    monkeypatch.setattr(processes, "MIN_BYTES", 10_000)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    assert len(plan_tasks(find_files(str(dataset)))) > 1, "more than one process has something to do"
    monkeypatch.setenv("TACOS_READING_PROCESSES", "1")
    alone = read_all(dataset)
    monkeypatch.setenv("TACOS_READING_PROCESSES", "2")
    assert read_all(dataset) == alone
    return alone


def test_large_files_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arrangement, text in TEXTS.items():
        (tmp_path / f"{arrangement}.jsonl").write_bytes(text.encode("utf-8", "surrogateescape"))
    rows, ids, described = read_twice(tmp_path, monkeypatch)
    assert {part.file_no for (part,) in plan_tasks(find_files(str(tmp_path))) if part.start} == set(range(len(TEXTS)))
    assert len(rows) == len(set(ids)) == sum(file["n_records"] for file in described)
    for file in described:
        numbers = [row["record_no"] for row in rows if row["source_file"] == file["source_file"]]
        assert numbers == list(range(1, file["n_records"] + 1)), file["source_file"]


def test_files_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_text("\n".join(LINES[number * 100 : number * 100 + 100]))
    (tmp_path / "large.jsonl").write_text(TEXTS["damaged lines"])
    (tmp_path / "b.csv").write_text("instruction,output\n" + "\n".join(f"Q{n},A{n}" for n in range(500)))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(json.dumps(RECORDS).encode()))
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "d.parquet")
    (tmp_path / "e.zip").write_bytes(b"PK\x03\x04 damaged")
    (tmp_path / "notes.md").write_text("not read")
    rows, _, described = read_twice(tmp_path, monkeypatch)
    assert len(rows) == 600 + len(DAMAGED) + 500 + 900 + 900 + 1
    assert [file["source_file"] for file in described] == [file.source_file for file in find_files(str(tmp_path))]


def test_what_stops_one_process_stops_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("[1]\n" * 9_000)
    messages = []
    for n_processes in ("1", "2"):
        monkeypatch.setenv("TACOS_READING_PROCESSES", n_processes)
        monkeypatch.setattr(processes, "MIN_BYTES", 10_000)
        monkeypatch.setattr(parts, "PART_BYTES", 10_000)
        with pytest.raises(DatasetError) as caught:
            read_all(tmp_path)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    monkeypatch.setenv("TACOS_READING_PROCESSES", "none")
    with pytest.raises(SettingError, match="TACOS_READING_PROCESSES must be a whole number of at least 1"):
        read_all(tmp_path)


def test_a_process_that_is_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        (tmp_path / name).write_text(TEXTS["lines"])
    monkeypatch.setattr(processes, "MIN_BYTES", 10_000)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    monkeypatch.setenv("TACOS_READING_PROCESSES", "2")
    start = processes._Workers.start

    def start_and_kill(workers: processes._Workers, task: Any) -> Any:
        for process in workers._processes:
            process.kill()
        return start(workers, task)

    monkeypatch.setattr(processes._Workers, "start", start_and_kill)
    with pytest.raises(DatasetError, match="A process that reads the dataset ended"):
        list(read_records(str(tmp_path), ""))


def test_a_reader_that_stops_early_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text(TEXTS["lines"])
    monkeypatch.setattr(processes, "MIN_BYTES", 10_000)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    monkeypatch.setenv("TACOS_READING_PROCESSES", "2")
    started: list[Any] = []
    begin = processes._Workers.__enter__
    monkeypatch.setattr(
        processes._Workers, "__enter__", lambda workers: started.extend(workers._processes) or begin(workers)
    )
    batches = read_records(str(tmp_path / "a.jsonl"), "")
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(started) == 2
    for process in started:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)
