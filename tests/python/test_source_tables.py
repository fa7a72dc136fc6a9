"""A table of the engine as the dataset: its records are those of a file with its rows, and what changes is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from python_models.last_run import receipt
from python_models.last_run.inputs import read_inputs
from python_models.source.files import DatasetError, find_files
from python_models.source.records import describe_files, read_ids, read_records
from python_models.source.tables import TableError, find_table

TURNS = "STRUCT(role TEXT, content TEXT)[]"
TABLES = {
    "alpaca": (
        "instruction TEXT, input TEXT, output TEXT",
        "('Add.', '1 and 2', '3'), ('Why?', NULL, 'So.'), ('', '', 'x')",
    ),
    "messages": (
        f"messages {TURNS}, source TEXT",
        "([{'role': 'user', 'content': 'Q'}, {'role': 'assistant', 'content': 'A'}], 'x'), "
        "([{'role': 'system', 'content': 'S'}, {'role': 'user', 'content': NULL}], NULL), (NULL, 'y')",
    ),
    "sharegpt as text": (
        "id INT, conversations JSON",
        """(1, '[{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]')""",
    ),
    "numbers": (
        "question TEXT, answer DECIMAL(9, 2), asked_at TIMESTAMP, marks MAP(TEXT, INT), kind ENUM ('a', 'b')",
        "('How much?', 1.50, '2026-01-02 03:04:05', MAP {'x': 1}, 'b'), ('And?', NULL, NULL, NULL, NULL)",
    ),
}  # fmt: skip


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA chats")
        yield connection


def reader_of(connection: duckdb.DuckDBPyConnection) -> Any:
    return lambda query, n_rows: connection.execute(query.sql("duckdb")).to_arrow_reader(n_rows)


def make_table(connection: duckdb.DuckDBPyConnection, columns: str, values: str, name: str = "chats.mine") -> None:
    connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns}); INSERT INTO {name} VALUES {values}")


def rows(dataset: str, read: Any = None) -> list[dict[str, Any]]:
    return [row for batch in read_records(dataset, "", read) for row in batch.to_pylist()]


@pytest.mark.parametrize("form", TABLES)
def test_the_records_are_those_of_a_file_with_the_same_rows(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, form: str
) -> None:
    make_table(connection, *TABLES[form])
    read = reader_of(connection)
    file = tmp_path / "chats.mine"
    connection.execute(f"COPY chats.mine TO '{file}' (FORMAT parquet)")
    of_table = rows("table:chats.mine", read)
    assert of_table == rows(str(file))
    assert any(row["error"] is None for row in of_table)
    (table,), (of_file,) = describe_files("table:chats.mine", "", read), describe_files(str(file))
    same = ("source_file", "n_records", "records_digest")
    assert {name: table[name] for name in same} == {name: of_file[name] for name in same}
    assert table["format"] == of_file["format"].replace("parquet/", "table/")
    assert (table["n_bytes"], table["modified_at"]) == (None, None)
    assert [id_ for ids in read_ids("table:chats.mine", "", read) for id_ in ids] == [
        row["record_id"] for row in of_table
    ]


def test_many_rows_are_read_in_their_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Also of a table so large that DuckDB reads it with several threads at once."""
    columns = "'Q' || n AS prompt, 'A' || n AS response"
    connection.execute(f"SET threads = 4; CREATE TABLE chats.mine AS SELECT {columns} FROM RANGE(5000) AS t(n)")
    read = rows("table:chats.mine", reader_of(connection))
    assert [(row["record_no"], row["instruction"]) for row in read] == [(n + 1, f"Q{n}") for n in range(5_000)]
    connection.execute("CREATE TABLE chats.large AS SELECT n, 'x' || n AS text FROM RANGE(1000000) AS t(n)")
    numbers = [batch.column("n") for batch in find_table("table:chats.large", reader_of(connection)).batches()]
    assert np.array_equal(np.concatenate(numbers), np.arange(1_000_000))


def test_what_can_be_named(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A view, a name in quotes, a table of another file that is attached: the catalog is no part of the ids."""
    make_table(connection, *TABLES["alpaca"])
    read = reader_of(connection)
    expected = [row["instruction"] for row in rows("table:chats.mine", read)]
    connection.execute('CREATE VIEW chats."my view" AS SELECT * FROM chats.mine')
    viewed = rows('table:chats."my view"', read)
    assert [row["instruction"] for row in viewed] == expected
    assert {row["source_file"] for row in viewed} == {"chats.my view"}
    connection.execute(f"ATTACH '{tmp_path / 'other.duckdb'}' AS other; CREATE SCHEMA other.chats")
    connection.execute("CREATE TABLE other.chats.mine AS FROM chats.mine")
    assert rows(" table: other.chats.mine ", read) == rows("table:chats.mine", read)


def test_a_view_reads_files_by_the_engines_own_reader(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / f"{name}.jsonl").write_text(
            f'{{"messages": [{{"role": "user", "content": "{name}?"}}, '
            f'{{"role": "assistant", "content": "{name}."}}]}}\n'
        )
    files = f"read_json('{tmp_path}/*.jsonl', filename = true)"
    connection.execute(f"CREATE VIEW chats.mine AS SELECT messages FROM {files} ORDER BY filename")
    assert [row["instruction"] for row in rows("table:chats.mine", reader_of(connection))] == ["a?", "b?"]


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("table:chats.none", "names the table chats.none, which cannot be read: .*none does not exist"),
        ("table:none.mine", "names the table none.mine, which cannot be read"),
        ("table:mine", "must name a table with its schema, such as table:main.chats, but it is 'table:mine'"),
        ("table:", "must name a table with its schema"),
        ("table:a b c; DROP TABLE x", "must name a table with its schema"),
        ("table:tacos.samples", "what is in the schema tacos is made by a run"),
        ("table:TACOS_INTERNAL__dev.pairs", "is made by a run"),
        ("table:chats.broken", "names the table chats.broken, which cannot be read: .*Could not convert"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(connection: duckdb.DuckDBPyConnection, dataset: str, says: str) -> None:
    connection.execute(
        "CREATE VIEW chats.broken AS SELECT 'Q' AS prompt, (n || 'x')::INT AS response FROM RANGE(9) t(n)"
    )
    with pytest.raises(TableError, match=says) as error:
        rows(dataset, reader_of(connection))
    assert "\n" not in error.value.message


def test_a_table_without_a_usable_column_says_which_it_has(connection: duckdb.DuckDBPyConnection) -> None:
    make_table(connection, "title TEXT, body TEXT", "('a', 'b'), ('c', 'd')")
    with pytest.raises(DatasetError, match="2 x unknown format: keys title, body"):
        rows("table:chats.mine", reader_of(connection))
    mapped = read_records("table:chats.mine", "instruction=title, response=body", reader_of(connection))
    assert [row["instruction"] for batch in mapped for row in batch.to_pylist()] == ["a", "c"]
    make_table(connection, "instruction TEXT, output TEXT", "('', '')")
    connection.execute("DELETE FROM chats.mine")
    with pytest.raises(DatasetError, match=r"of 0 records in 'table:chats\.mine'"):
        rows("table:chats.mine", reader_of(connection))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE chats.mine SET output = '4' WHERE output = '3'",
        "INSERT INTO chats.mine VALUES ('New?', NULL, 'Yes.', 1)",
        "DELETE FROM chats.mine WHERE output = '3'",
        "UPDATE chats.mine SET input = 'NULL' WHERE input IS NULL",
        "ALTER TABLE chats.mine RENAME COLUMN input TO context",
        "UPDATE chats.mine SET t = 2",
        "CREATE OR REPLACE TABLE chats.mine AS FROM chats.mine ORDER BY output DESC",
    ],
)
def test_a_changed_table_is_something_new(connection: duckdb.DuckDBPyConnection, change: str) -> None:
    make_table(connection, *TABLES["alpaca"])
    connection.execute("ALTER TABLE chats.mine ADD COLUMN t INT DEFAULT 1")

    def digest() -> str:
        return read_inputs(lambda sql: connection.execute(sql).fetchall(), "table:chats.mine", [])["the dataset"]

    before = digest()
    assert digest() == before
    connection.execute(change)
    assert digest() != before


def test_a_table_that_cannot_be_read_is_something_new(connection: duckdb.DuckDBPyConnection) -> None:
    """The run that follows says why."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    with pytest.raises(TableError, match=r"names the table other\.chats\.mine, which cannot be read"):
        read_inputs(query, "table:other.chats.mine", [])
    assert receipt.is_new(query, "table:other.chats.mine", [], "one 1")


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("https://example.org/a.jsonl", "curl -fLO 'https://example.org/a.jsonl'"),
        ("s3://bucket/*.parquet", "aws s3 sync"),
        ("hf://datasets/a/b", "huggingface-cli download"),
        ("gs://bucket/a", "with the tool of that storage"),
    ],
)
def test_an_address_is_refused_with_the_way_to_fetch_it(address: str, advice: str) -> None:
    with pytest.raises(DatasetError, match="from which nothing is read") as error:
        find_files(address)
    assert advice in error.value.message
    assert "\n" not in error.value.message
