"""Raw records: containers recognised from the content, broken ends kept and reported."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_models.source import json_lines, json_stream
from python_models.source.files import find_files
from python_models.source.readers import RawRecord, read_raw, recognise

FIXTURES = Path(__file__).parents[1] / "fixtures" / "source"
ROW = {"instruction": "Grüße 😀", "output": 'multi\nline, "quoted" [text]'}
ROWS = [ROW | {"n": str(i)} for i in range(3)]
JSONL = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
CSV = "instruction,output,n\n" + "".join(
    '{instruction},"{0}",{n}\n'.format(row["output"].replace('"', '""'), **row) for row in ROWS
)
TEXTS = {
    "jsonl": JSONL,
    "jsonl with CRLF and blank lines": "\r\n\r\n" + JSONL.replace("\n", "\r\n\r\n"),
    "json": json.dumps(ROWS),
    "json indented": json.dumps(ROWS, indent=4, ensure_ascii=False),
    "json objects over several lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "csv": CSV,
    "csv with semicolons and CRLF": CSV.replace(",", ";").replace("line;", "line,").replace("\n", "\r\n"),
    "tsv": CSV.replace(",", "\t").replace("line\t", "line,"),
}


def read_records(path: Path) -> list[RawRecord]:
    (file,) = find_files(str(path))
    return list(read_raw(file))


def read(path: Path) -> list[tuple[Any, str | None]]:
    raw = read_records(path)
    assert [record.record_no for record in raw] == list(range(1, len(raw) + 1))
    return [(record.value, record.error) for record in raw]


def values(path: Path) -> list[Any]:
    records = read(path)
    assert [error for _, error in records] == [None] * len(records)
    return [value for value, _ in records]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", TEXTS)
def test_every_container_in_every_encoding_gives_the_same_records(
    kind: str, encoding: str, packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "misleading.parquet"
    content = TEXTS[kind].encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    assert recognise(find_files(str(path))[0]) == kind.split()[0]
    got = [{key: text.replace("\r\n", "\n") for key, text in row.items()} for row in values(path)]
    assert got == ROWS


def test_parquet_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    pq.write_table(pa.Table.from_pylist([*ROWS, {"instruction": None}]), path)
    assert values(path) == [*ROWS, {"instruction": None, "output": None, "n": None}]


def test_a_parquet_text_that_is_not_utf8_is_refused_alone(tmp_path: Path) -> None:
    wrong = pa.array([b"fine", b"caf\xe9", b"fine too"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"output": wrong}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [
        ({"output": "fine"}, None),
        (None, "not UTF-8 at byte 4"),
        ({"output": "fine too"}, None),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\n \r\n", b"[]", b"[\n]", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0), b"a,b\n"]
)
def test_an_empty_file_has_no_records(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_bytes(content)
    assert read(path) == []


def test_a_damaged_line_costs_only_itself_even_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("Downloading ...\n" + JSONL + "\n")
    assert [error is None for _, error in read(path)] == [False, True, True, True]


def test_a_damaged_array_keeps_what_is_readable_and_says_where_it_broke_off() -> None:
    path = FIXTURES / "damaged_array.json"
    got = [error or value["instruction"] for value, error in read(path)]
    assert got == [
        "Before.",
        "malformed JSON: Expecting ',' delimiter",
        "After.",
        "not UTF-8 at byte 21",
        "Not a number.",
        f"malformed JSON: the array breaks off at byte {path.stat().st_size}",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}, "malformed JSON: the array breaks off at byte 19"]),
        ('[{"a": 1},', [{"a": 1}, "malformed JSON: the array breaks off at byte 10"]),
        ('[{"a": 1}] and more', [{"a": 1}, "malformed JSON: Expecting value"]),
        ('{\n"a": [1,\n2]\n}\n{\n"a": ', [{"a": [1, 2]}, "malformed JSON: the object breaks off at byte 23"]),
        ('[{"a": 1}, 5, "text"]', [{"a": 1}, 5, "text"]),
        ("[" * 200_000, ["malformed JSON: the array breaks off at byte 200000"]),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", ["malformed JSON: nested too deeply"]),
        ('{"a": ' + "9" * 5000 + "}", ["malformed JSON: Exceeds the limit (4300 digits) for integer string conversion: "
                                       "value has 5000 digits"]),
    ],
)  # fmt: skip
def test_odd_json_ends(content: str, expected: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    assert [error or value for value, error in read(path)] == expected


def test_strings_cut_by_the_reading_buffer_are_whole(tmp_path: Path) -> None:
    rows = [{"output": ('\\"[{,' * 7 + "é") * length} for length in (1, 3_000, 9_000, 70_000, 2)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows, ensure_ascii=False))
    assert values(path) == rows


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("damage", ["truncated", "damaged"])
def test_a_broken_gzip_keeps_what_was_readable_and_ends_in_one_error(kind: str, damage: str, tmp_path: Path) -> None:
    rows = [{"instruction": f"{i:06d}", "output": f"{i * 7919 % 100_003:06d} é"} for i in range(20_000)]
    text = {
        "jsonl": "\n".join(json.dumps(row) for row in rows),
        "json": json.dumps(rows),
        "csv": "instruction,output\n" + "\n".join(f"{row['instruction']},{row['output']}" for row in rows),
    }[kind]
    packed = gzip.compress(text.encode())
    half = len(packed) // 2
    # A flipped byte unpacks into something else until the packed data makes no sense: only what is before it is sure.
    broken = packed[:half] if damage == "truncated" else packed[:half] + b"\xff" * 64 + packed[half + 64 :]
    path = tmp_path / "a.gz"
    path.write_bytes(broken)
    records = read(path)
    good = [value for value, error in records if error is None]
    assert len(good) > 5_000
    assert good[:5_000] == rows[:5_000]
    assert records[-1][1] is not None
    assert "the file breaks off after" in records[-1][1]
    if damage == "truncated":
        assert good == rows[: len(good)]
        assert len(records) == len(good) + 1
        assert records[-1][1].startswith("gzip data truncated")


def test_a_gzip_cut_after_a_whole_record_adds_one_error(tmp_path: Path) -> None:
    packed = gzip.compress(JSONL.encode() + b"\n")
    (tmp_path / "a.gz").write_bytes(packed[:-8])  # without checksum and length
    records = read(tmp_path / "a.gz")
    assert [error is None for _, error in records] == [True, True, True, False]


def test_a_utf16_file_cut_in_a_character_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes((JSONL + "\n").encode("utf-16")[:-1])
    records = read(tmp_path / "a.jsonl")
    assert [value for value, error in records if error is None] == ROWS
    assert "the file breaks off" in str(records[-1][1])


def test_damaged_rows_of_a_csv_are_refused_not_guessed() -> None:
    got = [error or value for value, error in read(FIXTURES / "damaged_rows.csv")]
    assert got == [
        {"instruction": "A field over\ntwo lines.", "input": "", "output": "fine"},
        {"instruction": 'An "escaped" quote, and a comma.', "input": "context", "output": "fine"},
        "malformed CSV: 4 fields under a header of 3",
        "malformed CSV: ',' expected after '\"'",
        "not UTF-8 at byte 4",
        {"instruction": "Too few fields"},
        {"instruction": "", "input": "", "output": "no instruction"},
        {"instruction": "Text that looks like a number", "input": "", "output": "42"},
        "malformed CSV: unexpected end of data",
    ]


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_a_record_longer_than_the_limit_is_rejected_and_small_in_memory(kind: str, tmp_path: Path) -> None:
    long = b"x" * (65 << 20)
    good = b'{"output": "y"}'
    path = tmp_path / "a"
    path.write_bytes(
        {
            "jsonl": good + b"\n" + long + b"\n" + good,
            "json": b"[" + good + b', {"output": "' + long + b'"}, ' + good + b"]",
            "csv": b"output\ny\n" + b"x" * len(long) + b"\ny\n",
        }[kind]
    )
    raw = read_records(path)
    expected = {
        "jsonl": [None, "line longer than 64 MB", None],
        "json": [None, f"record longer than 64 MB, ending at byte {len(long) + 32}", None],
        "csv": [None, "malformed CSV: row longer than 64 MB", None],
    }
    assert [record.error for record in raw] == expected[kind]
    assert len(raw[1].text) < 100_000


@pytest.mark.parametrize("chunk", range(1, 12))
def test_values_after_one_that_is_too_long_are_read_wherever_the_buffer_ends(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD_BYTES", 40)
    monkeypatch.setattr(json_lines, "MAX_RECORD_BYTES", 40)
    monkeypatch.setattr(json_lines, "MAX_PART", chunk)
    nested = {"a": {"b": ['"x\\', {"c": '}]"'}] * 9}, "d": '\\"]' * 40}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"n": 1}, nested, {"n": 2}, "\\" * 99, {"n": 3}]))
    got = [value or str(error)[:23] for value, error in read(path)]
    assert got == [{"n": 1}, "record longer than 64 MB"[:23], {"n": 2}, "record longer than 64 MB"[:23], {"n": 3}]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04....", "zip"),
        (gzip.compress(b"PAR1....", mtime=0), "unreadable Parquet"),
        (b"PAR1 but nothing else PAR1", "unreadable Parquet"),
    ],
)
def test_a_file_of_another_kind_is_one_error(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    ((value, error),) = read(path)
    assert value is None
    assert what in str(error)
