"""Rows of the tables: one per record, in bounded memory, never lost."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_models.settings import PROJECT_ROOT
from python_models.source.files import DatasetError
from python_models.source.records import describe_files, read_ids, read_records
from python_models.source.rows import BATCH_ROWS, SCHEMA
from python_models.staging import write_batches

FIXTURES = Path(__file__).parents[1] / "fixtures" / "source"


def rows(dataset: Path, mapping: str = "") -> list[dict[str, Any]]:
    return [row for batch in read_records(str(dataset), mapping) for row in batch.to_pylist()]


def write_jsonl(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_every_damaged_line_is_one_row_with_its_reason() -> None:
    got = rows(FIXTURES / "damaged_lines.jsonl")
    assert [row["record_no"] for row in got] == list(range(1, len(got) + 1))
    assert [row["error"] for row in got] == [
        None,
        "malformed JSON: Expecting ',' delimiter",
        "not UTF-8 at byte 21",
        "instruction is missing",
        "instruction is missing",
        "instruction is empty",
        "response is missing",
        "response is empty",
        None,
        None,
        None,
        "response is missing",
        None,
        "unknown format: keys title, body",
        "unknown format: the record is a text, not an object",
        "unknown format: the record is empty",
        "turn 1 has no text, only parts of other kinds",
        "turn 1 has the unknown role 'narrator'",
        "response is missing",
        "instruction is missing",
        "conversation is a text, not a list of turns",
        None,
        None,
        None,
    ]
    for row in got:
        assert (row["error"] is None) == (row["instruction"] is not None) == (row["response"] is not None)
    assert got[2]["conversation"] == '{"instruction": "Caf\\xe9 in Latin-1.", "output": "x"}'
    assert [(row["instruction"], row["response"]) for row in got[-3:-1]] == [
        ("Lone surrogate  here", "kept without NUL"),
        ("CRLF\nand é", "mark"),
    ]


def test_formats_may_be_mixed_in_one_folder_and_in_one_file() -> None:
    got = [
        (row["source_file"], row["record_no"], row["format"], row["instruction"])
        for row in rows(FIXTURES / "mixed_folder")
    ]
    assert got == [
        ("alpaca.json", 1, "alpaca", "Translate to French.\n\ngood morning"),
        ("alpaca.json", 2, "alpaca", "Name a prime number above 20."),
        ("faq.tsv", 1, "question-answer", "Where do penguins live?"),
        ("faq.tsv", 2, "question-answer", 'Is "Pluto" a planet?'),
        ("nested/chat.jsonl", 1, "sharegpt", "What boils at 100 degrees?\n\nAnd on a mountain?"),
        ("nested/chat.jsonl", 2, "messages", "What is in\nbread?"),
        ("nested/chat.jsonl", 3, "alpaca", "Give an antonym of hot."),
    ]


def test_files_are_described_with_the_count_of_their_records() -> None:
    got = describe_files(str(FIXTURES / "mixed_folder"))
    assert [(row["source_file"], row["format"], row["n_records"]) for row in got] == [
        ("README.md", None, 0),
        ("alpaca.json", "json/alpaca", 2),
        ("faq.tsv", "tsv/question-answer", 2),
        ("nested/chat.jsonl", "jsonl/sharegpt", 3),
        ("nothing.jsonl", "empty", 0),
    ]
    assert all(row["modified_at"].tzinfo is None and row["modified_at"].microsecond == 0 for row in got)
    assert "its ending .md" in got[0]["problem"]
    assert got[1]["n_bytes"] == (FIXTURES / "mixed_folder" / "alpaca.json").stat().st_size


@pytest.mark.parametrize("name", ["damaged_lines.jsonl", "damaged_array.json", "damaged_rows.csv"])
def test_the_count_of_a_file_is_the_number_of_its_rows(name: str) -> None:
    assert describe_files(str(FIXTURES / name))[0]["n_records"] == len(rows(FIXTURES / name)) > 5


def test_a_record_keeps_its_id_when_the_file_grows_and_equal_records_differ(tmp_path: Path) -> None:
    record = {"instruction": "Twice.", "output": "x"}
    path = write_jsonl(tmp_path / "a.jsonl", [record, record, {"bad": 1}])
    before = [row["record_id"] for row in rows(path)]
    assert len(set(before)) == 3
    write_jsonl(path, [record, record, {"bad": 1}, record])
    os.utime(path, (1_600_000_000, 1_600_000_000))
    after = [row["record_id"] for row in rows(path)]
    assert after[:3] == before
    assert len(set(after)) == 4


def test_a_record_has_its_own_date_or_none(tmp_path: Path) -> None:
    sample = {"instruction": "a", "output": "b"}
    dates = ["2024-02-03", "1999-01-01", "2031-01-01", "soon"]
    path = write_jsonl(tmp_path / "a.jsonl", [*({**sample, "date": value} for value in dates), {"bad": 1}])
    expected = [date(2024, 2, 3), date(1999, 1, 1), date(2031, 1, 1), None, None]
    assert [row["record_date"] for row in rows(path)] == expected


def test_the_digest_of_a_file_tells_an_edited_record_and_no_new_time(tmp_path: Path) -> None:
    def digest(*outputs: str) -> str:
        records = [{"instruction": "Do.", "output": output} for output in outputs]
        return str(describe_files(str(write_jsonl(tmp_path / "a.jsonl", records)))[0]["records_digest"])

    before = digest("x", "y")
    os.utime(tmp_path / "a.jsonl", (0, 0))
    assert before == digest("x", "y")
    assert len({before, digest("x", "z"), digest("y", "x"), digest("x")}) == 4
    ids = [row["record_id"] for row in rows(tmp_path / "a.jsonl")]
    assert digest("x") == str(sum(int(record_id[:15], 16) for record_id in ids))
    assert list(read_ids(str(tmp_path), "")) == [ids]


def test_a_dataset_with_nothing_usable_stops_with_the_commonest_reasons(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "x"}] * 7 + [{"instruction": "", "output": "x"}] * 2)
    (tmp_path / "b.jsonl").touch()
    with pytest.raises(DatasetError) as error:
        rows(tmp_path)
    message = str(error.value)
    assert "of 9 records" in message
    assert "a.jsonl, b.jsonl" in message
    assert message.index("7 x unknown format: keys text") < message.index("2 x instruction is empty")
    assert "column_mapping" in message
    with pytest.raises(DatasetError, match="of 0 records"):
        rows(tmp_path / "b.jsonl")


def test_a_column_mapping_makes_other_columns_usable(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"frage": "Warum?", "antwort": "Darum."}])
    (row,) = rows(path, "instruction=frage, response=antwort")
    assert (row["format"], row["instruction"], row["response"]) == ("mapped", "Warum?", "Darum.")


def test_batches_are_limited_in_rows_and_in_text(tmp_path: Path) -> None:
    big = "x" * 10_000_000
    records = [{"instruction": "small", "output": "y"}] * (BATCH_ROWS + 1) + [{"instruction": big, "output": big}] * 3
    path = write_jsonl(tmp_path / "a.jsonl", records)
    batches = list(read_records(str(path), ""))
    assert [batch.num_rows for batch in batches] == [BATCH_ROWS, 1, 1, 1, 1]
    assert batches[-1].column("response")[0].as_py() == big


def test_duckdb_takes_every_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_batches(read_records(str(FIXTURES), ""), SCHEMA, path)
    connection = duckdb.connect()
    counts = connection.execute(
        "SELECT COUNT(*), COUNT(DISTINCT record_id), COUNT(*) FILTER (WHERE error IS NULL),"
        " COUNT(*) FILTER (WHERE error IS NULL AND JSON_VALID(conversation)) FROM READ_PARQUET(?)",
        [str(path)],
    ).fetchone()
    assert counts is not None
    assert counts[0] == counts[1] == sum(row["n_records"] for row in describe_files(str(FIXTURES)))
    assert counts[2] == counts[3] > 10


@pytest.mark.long
def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    """250 MB of JSONL within 200 MB more than the program needs for itself (gzip makes writing the file quick)."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc/self/status for the peak memory of a process")
    lines = "".join(json.dumps({"instruction": f"{i}", "output": "text " * 5_000}) + "\n" for i in range(100)).encode()
    path = tmp_path / "large.jsonl.gz"
    path.write_bytes(gzip.compress(lines, compresslevel=1) * 100)
    # VmHWM, because ru_maxrss of a child begins with the peak of the process that started it.
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from python_models.source.records import read_records\n"
        "from python_models.source.rows import SCHEMA\n"
        "from python_models.staging import write_batches\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]) // 1024\n"
        "before = peak()\n"
        "write_batches(read_records(sys.argv[1], ''), SCHEMA, Path(sys.argv[2]))\n"
        "print(before, peak())\n"
    )
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "out.parquet")]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    before_mb, peak_mb = map(int, done.stdout.split())
    written = duckdb.connect().execute("SELECT COUNT(*) FROM READ_PARQUET(?)", [str(tmp_path / "out.parquet")])
    assert written.fetchall() == [(10_000,)]
    assert peak_mb - before_mb < 200, (before_mb, peak_mb)


def turns(record: dict[str, str], names: tuple[str, str], keys: tuple[str, str]) -> list[dict[str, str]]:
    """A record as a conversation; names of user and assistant, keys of speaker and text."""
    texts = (f"{record['instruction']}\n\n{record['input']}".strip(), record["output"])
    return [{keys[0]: name, keys[1]: text} for name, text in zip(names, texts, strict=True)]


LAYOUTS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "alpaca": lambda record: record,
    "sharegpt": lambda record: {"conversations": turns(record, ("human", "gpt"), ("from", "value"))},
    "messages": lambda record: {"messages": turns(record, ("user", "assistant"), ("role", "content"))},
}


def write_alpaca_csv(records: list[dict[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["instruction", "input", "output"])
        writer.writeheader()
        writer.writerows(records)


CONTAINERS: dict[str, Callable[[list[dict[str, Any]], Path], object]] = {
    "json": lambda records, path: path.write_text(json.dumps(records), encoding="utf-8"),
    "jsonl.gz": lambda records, path: path.write_bytes(
        gzip.compress("\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode())
    ),
    "csv": write_alpaca_csv,
    "parquet": lambda records, path: pq.write_table(pa.Table.from_pylist(records), path),
}


@pytest.mark.parametrize(
    ("layout", "container"),
    [(layout, container) for layout in LAYOUTS for container in CONTAINERS if layout == "alpaca" or container != "csv"],
)
def test_the_bundled_dataset_loses_no_record_in_any_layout_and_container(
    layout: str, container: str, tmp_path: Path
) -> None:
    """Some records are there twice, some have no answer; texts have line breaks, quotes, code and other scripts."""
    lines = (PROJECT_ROOT / "seeds" / "sample_dataset.jsonl").read_text("utf-8").splitlines()
    records = [
        {"instruction": record["instruction"], "input": record.get("input", ""), "output": record["output"]}
        for record in map(json.loads, lines)
        if record["instruction"] and record["output"]
    ]
    unusable = [record | {"output": " \n"} for record in records[::10]]
    path = tmp_path / f"dataset.{container}"
    CONTAINERS[container]([LAYOUTS[layout](record) for record in records + records[::7] + unusable], path)
    got = rows(path)
    assert len({row["record_id"] for row in got}) == len(got) == len(records + records[::7] + unusable)
    reason = "response is empty" if layout == "alpaca" else "turn 2 has no text"
    assert [row["error"] for row in got if row["error"]] == [reason] * len(unusable)
    expected = {(f"{r['instruction']}\n\n{r['input']}".strip(), r["output"].strip()) for r in records}
    assert {(row["instruction"], row["response"]) for row in got if row["error"] is None} == expected
