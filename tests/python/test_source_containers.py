"""Files as people publish them: whatever their arrangement, every record is read or is one row with its reason."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_models.settings import PROJECT_ROOT
from python_models.source.files import DatasetError
from python_models.source.records import describe_files, read_records

RECORDS = [{"instruction": f"Say {i}, please.", "output": f'"{i}" [{i}] {{ok}}'} for i in range(7)]
LINES = [json.dumps(record) for record in RECORDS]
SAMPLES = [(record["instruction"], record["output"]) for record in RECORDS]


def read(path: Path) -> list[dict[str, Any]]:
    """All rows; the count of the file is that of its rows, and none is both a sample and rejected."""
    rows = [row for batch in read_records(str(path), "") for row in batch.to_pylist()]
    assert sum(row["n_records"] for row in describe_files(str(path))) == len(rows)
    assert len({row["record_id"] for row in rows}) == len(rows)
    return rows


def samples(path: Path) -> list[tuple[str, str]]:
    rows = read(path)
    assert [row["error"] for row in rows if row["error"]] == []
    return [(row["instruction"], row["response"]) for row in rows]


def outcomes(path: Path) -> list[str]:
    """The answer of every sample, and the reason for every rejected record in brackets."""
    return [row["response"] if row["error"] is None else f"[{row['error']}]" for row in read(path)]


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2)


def test_a_turn_that_stands_alone_is_no_table(tmp_path: Path) -> None:
    record = {"prompt": {"role": "user", "content": "Q"}, "completion": {"role": "assistant", "content": "A"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    assert samples(tmp_path / "a.jsonl") == [("Q", "A")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_encoding_and_with_every_line_end(encoding: str, end: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(end.join(LINES).encode(encoding))
    (tmp_path / "b.csv").write_bytes(f"instruction,output{end}Q,é{end}".encode(encoding))
    assert samples(tmp_path) == [*SAMPLES, ("Q", "é")]


@pytest.mark.parametrize(
    ("turns", "kind"),
    [
        ([[("role", "user"), ("content", "Q")], [("role", "assistant"), ("content", "A")]],
         pa.list_(pa.map_(pa.string(), pa.string()))),
        ({"role": ["user", "assistant"], "content": ["Q", "A"]},
         pa.struct([("role", pa.list_(pa.string())), ("content", pa.list_(pa.string()))])),
        ([{"role": "user", "content": b"Q"}, {"role": "assistant", "content": b"A"}],
         pa.large_list(pa.struct([("role", pa.large_string()), ("content", pa.binary())]))),
    ],
)  # fmt: skip
def test_turns_are_read_from_every_nested_column(turns: Any, kind: pa.DataType, tmp_path: Path) -> None:
    pq.write_table(pa.table({"messages": pa.array([turns], kind)}), tmp_path / "a.parquet")
    assert samples(tmp_path / "a.parquet") == [("Q", "A")]


def test_objects_over_several_lines_are_cut_at_their_own_end(tmp_path: Path) -> None:
    nested = '{\n"instruction":"Q",\n"x":\n{\n"a":1\n},\n"output":"A"\n}'
    text = '[\n{\n"prompt":"R",\n"output":"B"\n},\n' + nested + ",\n" + nested + "\n]"
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "b.json").write_text(text.replace('},\n{\n"i', '}\n,\n{\n"i'))
    (tmp_path / "c.json").write_text(
        json.dumps({"meta": {"a": 1}, "data": {"train": RECORDS[:5], "test": RECORDS[5:]}})
    )
    assert samples(tmp_path) == [*[("R", "B"), ("Q", "A"), ("Q", "A")] * 2, *SAMPLES]


NESTED_FIRST = '{"messages": [\n{"role": "user", "content": "Q?"},\n{"role": "assistant", "content": "A."}\n]}\n'


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"[{line}]" for line in LINES),
        "\n".join([f"[{', '.join(LINES[:3])}]", f"[{', '.join(LINES[3:])}]"]),
        pretty(RECORDS[:3]) + "\n" + pretty(RECORDS[3:]),
        pretty(RECORDS[:3]) + pretty(RECORDS[3:]),
        "".join(LINES),
        " ".join(LINES[:4]) + "\n" + "\t".join(LINES[4:]),
        '{"type": "text2text", "instances": [\n' + ",\n".join(LINES) + "\n]}",
        '{"version": {"a": [1]}, "data": ' + pretty(RECORDS) + ', "licence": "MIT"}',
        json.dumps({"data": RECORDS}),
        json.dumps({"train": RECORDS[:5], "test": RECORDS[5:]}),
        pretty({"train": RECORDS[:5], "note": [1, {"b": 2}], "test": RECORDS[5:]}),
        json.dumps(
            {"features": [{"name": "x"}], "rows": [{"row_idx": i, "row": row} for i, row in enumerate(RECORDS)]}
        ),
        pretty({name: {str(i): row[name] for i, row in enumerate(RECORDS)} for name in RECORDS[0]}),
        json.dumps({name: [row[name] for row in RECORDS] for name in RECORDS[0]}),
        json.dumps(
            {"columns": ["instruction", "output"], "index": [], "data": [list(row.values()) for row in RECORDS]}
        ),
        pretty({f"task-{i}": row for i, row in enumerate(RECORDS)}),
        "\x1e" + "\n\x1e".join(LINES),
        ",\n".join(LINES) + ",\n",
        "[" + ",".join(LINES) + "]",
        "[\n" + "\n,".join(LINES) + "\n]",
    ],
)
def test_json_texts_in_any_arrangement(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    assert samples(tmp_path / "a.json") == SAMPLES


def test_objects_over_several_lines_of_which_the_second_begins_an_object(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(NESTED_FIRST * 3)
    assert samples(tmp_path / "a.json") == [("Q?", "A.")] * 3


def test_the_instances_of_a_task_are_records_under_its_instruction(tmp_path: Path) -> None:
    task = {
        "instruction": "Translate.",
        "instances": [{"input": "one", "output": "eins"}, {"input": "", "output": "-"}],
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(task) + "\n" + pretty(task))
    assert samples(tmp_path / "a.jsonl") == [("Translate.\n\none", "eins"), ("Translate.", "-")] * 2


def test_a_list_of_turns_is_one_record(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    (tmp_path / "a.jsonl").write_text(
        json.dumps(turns) + "\n" + pretty(turns) + "\n" + json.dumps({"data": ["Q?", "A."]})
    )
    assert samples(tmp_path / "a.jsonl") == [("Q?", "A.")] * 3


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("old", "new"), [('"Say 3', "Say 3"), ("please.", 'please."'), (' "output": ', ' "output" '), ('ok}"}', 'ok}"')]
)
def test_damage_inside_an_array_costs_one_record(indent: int | None, old: str, new: str, tmp_path: Path) -> None:
    """A quote, colon or bracket is missing or too many in the fourth record."""
    texts = [json.dumps(record, indent=indent) for record in RECORDS]
    damaged = texts[3].replace(old, new) if indent is None else "".join(texts[3].rsplit('"', 1))
    (tmp_path / "a.json").write_text("[\n" + ",\n".join([*texts[:3], damaged, *texts[4:]]) + "\n]")
    got = outcomes(tmp_path / "a.json")
    assert [answer for answer in got if not answer.startswith("[")] == [
        answer for _, answer in SAMPLES if "3" not in answer
    ]
    assert len(got) == 7


def test_a_large_array_in_one_line_is_read_piece_by_piece(tmp_path: Path) -> None:
    records = [{"instruction": f"{i}", "output": "x" * 1_000 + '\\"{'} for i in range(3_000)]
    (tmp_path / "a.json").write_text(json.dumps({"data": records}))
    (tmp_path / "b.json").write_text(json.dumps(records))
    expected = [(record["instruction"], record["output"]) for record in records]
    assert samples(tmp_path) == expected * 2


def test_a_row_that_is_damaged_in_the_middle_of_a_field_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('instruction,output\n"Say \\"hi\\".","Hello\nThe roof, singing"\nQ,A\n"Q, 2","A\n2"\n')
    rows = read(path)
    assert [row["response"] for row in rows] == [None, "A", "A\n2"]
    assert rows[0]["error"].startswith("malformed CSV")
    assert "The roof, singing" in rows[0]["conversation"]
    assert "Hello" in rows[0]["conversation"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('instruction\toutput\nQ\t5" tall\n"Q\tA\nQ2\tA2\n', ['5" tall', "A", "A2"]),
        ('instruction\toutput\n"He said\tyes\nQ\tshe said"\nQ2\t"quoted ""x"""\n', ["yes", 'she said"', 'quoted "x"']),
        ('instruction,output\n"Say, one.", "x"\n"Say, two.",  "y, z"\nSay three., plain\n', ["x", "y, z", "plain"]),
        ('instruction,"output; text, or none",output\na,,x\nb;c;d,"","y;z"\n', ["x", "y;z"]),
        ('"a;b;c";instruction;output\n1;Q;"A;B"\n', ["A;B"]),
        ('instruction,output\nQ,"A ""quoted"" word"\nQ,5" tall\nQ,\'s\n', ['A "quoted" word', '5" tall', "'s"]),
    ],
)
def test_quotes_and_delimiters_of_tables(text: str, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert [row["response"] for row in read(path)] == expected


def test_a_quote_that_is_never_closed_costs_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('instruction,output\nQ,A\nQ,"A\n' + "".join(f"Q{i},A{i}\n" for i in range(30)))
    got = outcomes(tmp_path / "a.csv")
    assert got == ["A", "[malformed CSV: unexpected end of data]", *(f"A{i}" for i in range(30))]


def test_the_delimiter_that_excel_names_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\ninstruction;output\na,b,c;d\n")
    assert outcomes(tmp_path / "a.csv") == ["d"]


def test_damaged_rows_hide_no_others_and_invent_none(tmp_path: Path) -> None:
    """Whatever line of a table is damaged by a stray quote: the other rows are read, and none is invented."""
    good = [[f"Say {i}, now.", f"Line {i}\nand, more" if i % 3 == 0 else f"plain {i}"] for i in range(9)]
    for damaged in range(9):
        out = io.StringIO()
        for i, row in enumerate(good):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(row)
            out.write(text.getvalue().replace("Say", 'S"ay', 1) if i == damaged else text.getvalue())
        (tmp_path / "a.csv").write_text("instruction,output\n" + out.getvalue())
        got = [row["response"] for row in read(tmp_path / "a.csv") if row["error"] is None]
        assert got == [row[1] for i, row in enumerate(good) if i != damaged]


@pytest.mark.parametrize("container", ["csv", "parquet", "arrow"])
def test_two_columns_of_one_name_are_said_where_they_differ(container: str, tmp_path: Path) -> None:
    columns = [["a", "b", "c"], ["x", "y", ""], ["x", "z", "w"]]
    names = ["instruction", "output", "output"]
    path = tmp_path / f"a.{container}"
    if container == "csv":
        path.write_text("\n".join(",".join(row) for row in [names, *zip(*columns, strict=True)]))
    else:
        table = pa.Table.from_arrays([pa.array(column) for column in columns], names)
        if container == "parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
    assert outcomes(path) == ["x", "[two columns are named 'output', with different values]", "w"]


def test_a_cell_that_python_cannot_hold_is_ignored(tmp_path: Path) -> None:
    n = 3
    far = 2**62
    columns = {
        "instruction": ["Q0", "Q1", "Q2"],
        "output": ["A0", "A1", "A2"],
        "timestamp": pa.array([0, far, -far], pa.timestamp("us")),
        "created": pa.array([0, far, 1], pa.timestamp("us", "Mars/Crater")),
        "date": pa.array([0, 2**31 - 1, -(2**31)], pa.date32()),
        "took": pa.array([0, far, 1], pa.duration("us")),
        "meta": pa.array([{"at": 0, "who": "x"}] * 2 + [{"at": far, "who": "y"}],
                         pa.struct({"at": pa.timestamp("us"), "who": pa.string()})),
        "list": pa.array([[far]] * n, pa.list_(pa.timestamp("us"))),
    }  # fmt: skip
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    rows = read(path)
    assert [(row["instruction"], row["response"]) for row in rows] == [("Q0", "A0"), ("Q1", "A1"), ("Q2", "A2")]
    assert json.loads(rows[2]["conversation"])["meta"] == {"at": None, "who": "y"}


def test_a_turn_beside_a_cell_that_python_cannot_hold_is_read(tmp_path: Path) -> None:
    turn = pa.struct({"role": pa.string(), "content": pa.string(), "at": pa.timestamp("us")})
    turns = [[{"role": "user", "content": "Q", "at": 2**62}, {"role": "assistant", "content": "A", "at": None}]]
    pq.write_table(pa.table({"messages": pa.array(turns, pa.list_(turn))}), tmp_path / "a.parquet")
    assert samples(tmp_path / "a.parquet") == [("Q", "A")]


def packed(data: bytes, kind: str) -> bytes:
    if kind in ("zst", "lz4"):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, {"zst": "zstd"}.get(kind, kind)) as stream:
            stream.write(data)
        return bytes(sink.getvalue())
    return {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[kind](data)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "lz4"])
def test_packed_files_are_read_and_their_broken_ends_said(kind: str, tmp_path: Path) -> None:
    data = packed("\n".join(LINES).encode(), kind)
    (tmp_path / f"a.jsonl.{kind}").write_bytes(data)
    assert samples(tmp_path) == SAMPLES
    (tmp_path / f"a.jsonl.{kind}").write_bytes(data[:-12])
    with pytest.raises(DatasetError) if kind in ("bz2", "zst", "lz4") else pytest.MonkeyPatch.context():
        assert "the file breaks off after" in outcomes(tmp_path)[-1]


def test_tables_in_packed_files_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(RECORDS)
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(bytes(out.getvalue())))
    assert samples(tmp_path / "a.parquet.gz") == SAMPLES


def test_files_in_archives_are_files_of_their_own(tmp_path: Path) -> None:
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(RECORDS), out)
    members = {"a/one.jsonl": "\n".join(LINES).encode(), "two.parquet": bytes(out.getvalue()),
               "three.csv.gz": gzip.compress(b"instruction,output\nQ,A\n"), "readme.txt": b"Hello",
               "__MACOSX/one.jsonl": b"x"}  # fmt: skip
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with tarfile.open(tmp_path / "y.tar.gz", "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pa.CompressedOutputStream(str(tmp_path / "z.tar.zst"), "zstd") as packed:
        packed.write(gzip.decompress((tmp_path / "y.tar.gz").read_bytes()))
    files = describe_files(str(tmp_path))
    names = ["a/one.jsonl", "readme.txt", "three.csv.gz", "two.parquet"]
    assert [row["source_file"] for row in files] == [
        f"{archive}/{name}" for archive in ("x.zip", "y.tar.gz", "z.tar.zst") for name in names
    ]
    assert [row["n_records"] for row in files] == [7, 0, 1, 7] * 3
    assert [row["problem"] is None for row in files] == [True, False, True, True] * 3
    assert samples(tmp_path) == [*SAMPLES, ("Q", "A"), *SAMPLES] * 3


@pytest.mark.parametrize("is_stream", [False, True])
def test_arrow_files_of_a_saved_dataset_are_read_and_what_describes_it_is_not(is_stream: bool, tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    table = pa.Table.from_pylist(RECORDS)
    new = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with new(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    (folder / "state.json").write_text('{"_fingerprint": "1"}')
    (folder / "dataset_info.json").write_text('{"features": {}}')
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert samples(tmp_path) == SAMPLES
    described = {row["source_file"]: row["problem"] for row in describe_files(str(tmp_path))}
    assert described.pop("train/data-00000-of-00001.arrow") is None
    assert set(described.values()) == {"not read: it describes a dataset, it holds no records"}


def test_every_file_of_a_folder_has_a_row(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonlines").write_text("\n".join(LINES))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "folder" / "loop").symlink_to(tmp_path / "folder", target_is_directory=True)
    for name in ("b.xlsx", "c.7z", "LICENSE"):
        (tmp_path / "folder" / name).write_bytes(b"x")
    (tmp_path / "folder" / "damaged.zip").write_bytes(b"PK\x03\x04 and no more")
    rows = {row["source_file"]: row for row in describe_files(str(tmp_path / "folder"))}
    assert sorted(rows) == ["LICENSE", "b.xlsx", "c.7z", "damaged.zip", "link/a.jsonlines"]
    assert [rows[name]["n_records"] for name in sorted(rows)] == [0, 0, 0, 1, 7]
    assert "its ending .xlsx" in rows["b.xlsx"]["problem"]
    (rejected,) = [row for row in read(tmp_path / "folder") if row["error"]]
    assert (rejected["source_file"], rejected["error"][:18]) == ("damaged.zip", "unreadable archive")


PEAK = """
import re, sys
from pathlib import Path
from random import Random
from python_models.source.records import read_records
peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]) // 1024
before = peak()
n = sum(batch.num_rows for batch in read_records(sys.argv[1], ''))
print(n, peak() - before)
"""


@pytest.mark.parametrize("text_kb", [900, 8000])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.long
def test_a_small_file_of_much_text_is_read_in_bounded_memory(text_kb: int, nested: bool, tmp_path: Path) -> None:
    """A Parquet file of kilobytes that decodes to 400 MB and more, one text again and again."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc/self/status for the peak memory of a process")
    n_rows = 400_000 // text_kb
    text = "x" * (text_kb << 10)
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": text}]
    column = {"messages": [turns] * n_rows} if nested else {"instruction": ["Q"] * n_rows, "output": [text] * n_rows}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(column), path, compression="zstd")
    assert path.stat().st_size < 1 << 20
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    n_read, grown_mb = map(int, done.stdout.split())
    assert n_read == n_rows
    assert grown_mb < 300


def test_16_a_pipe_in_a_folder_is_named_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"instruction": "Q", "output": "A"}\n')
    os.mkfifo(tmp_path / "pipe.jsonl")
    described = {file["source_file"]: file["problem"] for file in describe_files(str(tmp_path))}
    assert described == {"a.jsonl": None, "pipe.jsonl": "not read: it is not a regular file"}
    with pytest.raises(DatasetError, match="is not a regular file"):
        describe_files(str(tmp_path / "pipe.jsonl"))


@pytest.mark.parametrize("name", ["picture.csv", "noise.jsonl", "old.lzma"])
def test_16_bytes_that_are_no_text_are_one_refused_record(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    with pytest.raises(DatasetError, match="1 x unreadable file: neither text nor a table that is known"):
        list(read_records(str(tmp_path / name), ""))


def test_16_a_member_above_the_archive_is_read_in_place(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../above.jsonl", '{"instruction": "Q", "output": "A"}\n')
    (batch,) = read_records(str(tmp_path / "a.zip"), "")
    assert batch.to_pylist()[0]["source_file"] == "a.zip/../above.jsonl"
    assert [path.name for path in tmp_path.parent.glob("above*")] == []


def test_15_damage_inside_a_table_never_stops_the_dataset(tmp_path: Path) -> None:
    table = pa.table({"instruction": [f"Q{i}" for i in range(900)], "output": [f"A{i % 7}" for i in range(900)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=300)
    (tmp_path / "b.jsonl").write_text('{"instruction": "Q", "output": "A"}\n')
    whole, random = (tmp_path / "a.parquet").read_bytes(), Random(2)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 6)):
            damaged[random.randrange(4, len(damaged))] = random.randrange(256)
        (tmp_path / "a.parquet").write_bytes(damaged)
        rows = [row for batch in read_records(str(tmp_path), "") for row in batch.to_pylist()]
        assert rows[-1]["source_file"] == "b.jsonl"
        assert sum(file["n_records"] for file in describe_files(str(tmp_path))) == len(rows)
