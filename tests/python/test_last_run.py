"""A run is left out only if nothing it would read or leave differs: each way to differ is seen, whatever dates say."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlmesh import Context

from python_models.last_run import inputs, receipt, results
from python_models.llm.cache.response_cache import ResponseCache

NOW_MS = 1_800_000_000_000
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project: one file of every kind that a run loads, a dataset, a cache."""
    for name in ("TACOS_DATABASE", "TACOS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    files = {
        "config.yaml": 'variables:\n  a: {{ env_var("OF_THE_USER") }}\n',
        "models/one.sql": "SELECT 1",
        "macros/one.py": "X = 1",
        "audits/one.sql": "SELECT 1",
        "signals/one.py": "X = 1",
        "prompts/one.txt": "Tag this.",
        "seeds/tag_aliases.csv": "alias,tag\na,b\n",
        "python_models/one.py": "X = 1",
        "data.jsonl": '{"instruction": "a", "output": "b"}\n',
        "model.gguf": "weights",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / ".tacos").mkdir()
    for module in ("settings", "last_run.inputs", "source.files"):
        monkeypatch.setattr(f"python_models.{module}.PROJECT_ROOT", tmp_path)
    ResponseCache(tmp_path / ".tacos/cache.sqlite").close()
    return tmp_path


@pytest.fixture
def query(root: Path) -> Iterator[Query]:
    """A warehouse as a whole run leaves it: tables that were made, one embedded, SQLMesh's record."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        promoted = [("tag_replies", "FULL"), ("pair_replies", "VIEW"), ("steps", "EMBEDDED")]
        entries = [{"name": name, "version": "1", "kind_name": kind} for name, kind in promoted]
        connection.execute(
            """
            CREATE SCHEMA sqlmesh; CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal;
            CREATE TABLE sqlmesh._intervals (name TEXT, version TEXT, is_dev BOOL, is_removed BOOL, start_ts BIGINT,
              end_ts BIGINT, last_altered_ts BIGINT, is_pending_restatement BOOL);
            CREATE TABLE sqlmesh._environments (name TEXT, snapshots TEXT, plan_id TEXT, promoted_snapshot_ids TEXT,
              finalized_ts BIGINT);
            CREATE TABLE tacos.tag_replies (error TEXT); CREATE TABLE tacos.pair_replies (error TEXT);
            CREATE TABLE tacos_internal.singleton_scores (error TEXT);
            CREATE TABLE tacos_internal.wording_replies (error TEXT);
            CREATE TABLE tacos_internal.second_judge_replies (error TEXT);
            CREATE TABLE tacos.llm_calls (request_key TEXT);
            CREATE VIEW tacos.candidates AS SELECT 1 AS sample_id;
            INSERT INTO tacos.tag_replies VALUES (NULL);
            """
        )
        connection.execute("INSERT INTO sqlmesh._environments VALUES ('prod', ?, 'p', NULL, 1)", [json.dumps(entries)])
        for name, _ in promoted[:2]:
            row = [name, "1", False, False, 0, 1, NOW_MS, False]
            connection.execute("INSERT INTO sqlmesh._intervals VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        yield lambda text: connection.execute(text).fetchall()


@pytest.fixture
def whole(root: Path, query: Query, monkeypatch: pytest.MonkeyPatch) -> Query:
    """The same after a whole run, as it was noted."""
    monkeypatch.setattr("time.time", lambda: NOW_MS / 1000 - 1)
    assert receipt.is_new(query, "data.jsonl", ["model.gguf", ""], "one 1")
    receipt.begin()
    receipt.end(query)
    assert receipt.receipt_path() == root / "warehouse.duckdb.last_run.json"
    assert receipt.changes(query) == []
    return query


def edit_unseen(path: Path) -> None:
    """Change a byte of a file, its size and its times as they were."""
    status = path.stat()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1", b"2") if b"1" in content else b"#" + content[1:])
    assert path.read_bytes() != content
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("config.yaml", "the project's files"),
        ("models/one.sql", "the project's files"),
        ("macros/one.py", "the project's files"),
        ("audits/one.sql", "the project's files"),
        ("signals/one.py", "the project's files"),
        ("prompts/one.txt", "the project's files"),
        ("seeds/tag_aliases.csv", "the project's files"),
        ("python_models/one.py", "the project's files"),
        ("data.jsonl", "the dataset"),
        ("model.gguf", "the files of the models"),
        (".tacos/cache.sqlite", "the cache"),
    ],
)
def test_an_edit_that_keeps_size_and_time_is_seen(whole: Query, root: Path, name: str, what: str) -> None:
    edit_unseen(root / name)
    assert receipt.changes(whole) == [what]
    assert receipt.is_new(whole, "data.jsonl", ["model.gguf", ""], "one 1")


def add_cached_reply(root: Path) -> None:
    with sqlite3.connect(root / ".tacos/cache.sqlite") as connection:
        connection.execute("INSERT INTO computed (kind, key, value) VALUES ('a', 'b', x'00')")
    connection.close()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda root: (root / "models/two.sql").write_text("SELECT 2"), ["the project's files"]),
        (lambda root: (root / "models/one.sql").rename(root / "models/other.sql"), ["the project's files"]),
        (lambda root: (root / "prompts/one.txt").unlink(), ["the project's files"]),
        (lambda root: os.utime(root / "data.jsonl", (1, 1)), ["the dataset"]),
        (lambda root: (root / "data.jsonl").unlink(), None),
        (lambda root: (root / ".tacos/cache.sqlite").unlink(), ["the cache"]),
        (add_cached_reply, ["the cache"]),
        (lambda root: receipt.receipt_path().write_text("{"), None),
        (lambda root: receipt.receipt_path().unlink(), None),
    ],
    ids=["new model", "renamed", "no prompt", "touched", "no data", "no cache", "cache", "bad receipt", "no receipt"],
)
def test_what_appears_or_goes_is_seen(
    whole: Query, root: Path, change: Callable[[Path], Any], what: list[str] | None
) -> None:
    change(root)
    assert receipt.changes(whole) == what
    assert receipt.is_new(whole, "data.jsonl", ["model.gguf", ""], "one 1")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("TACOS_MAX_CONCURRENCY", "the settings"),
        ("TACOS_ASK_FAILED_AGAIN", "the settings"),
        ("TACOS_TAGGING_MODEL", "the settings"),
        ("SQLMESH_GATEWAY", "the settings"),
        ("OPENAI_BASE_URL", "the settings"),
        ("OF_THE_USER", "the settings"),
    ],
)
def test_a_setting_is_seen(whole: Query, monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    monkeypatch.setenv(name, "other")
    assert receipt.changes(whole) == [what]


def test_a_secret_is_not_kept(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs.read_inputs(query, "data.jsonl", [])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert inputs.read_inputs(query, "data.jsonl", []) == before


def test_another_package_is_seen(whole: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "duckdb-9.9.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    assert receipt.changes(whole) == ["the installed packages"]


def test_another_day_is_seen(whole: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2100, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("python_models.last_run.inputs.datetime", Tomorrow)
    assert receipt.changes(whole) == ["the day"]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW tacos.candidates",
        "DROP TABLE tacos.llm_calls",
        "DELETE FROM tacos.tag_replies",
        "UPDATE sqlmesh._intervals SET last_altered_ts = last_altered_ts + 1 WHERE name = 'tag_replies'",
        "UPDATE sqlmesh._environments SET plan_id = 'q'",
        "UPDATE sqlmesh._environments SET finalized_ts = NULL",
        "DELETE FROM sqlmesh._environments",
    ],
)
def test_another_warehouse_is_seen(whole: Query, sql: str) -> None:
    whole(sql)
    assert receipt.changes(whole) == ["the tables"]


def test_intervals_that_the_janitor_joins_are_the_same(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    query("INSERT INTO sqlmesh._intervals VALUES ('tag_replies', '1', false, false, 1, 2, 5, false)")
    before = results.read_results(query)
    query("DELETE FROM sqlmesh._intervals WHERE name = 'tag_replies'")
    query(f"INSERT INTO sqlmesh._intervals VALUES ('tag_replies', '1', false, false, 0, 2, {NOW_MS}, false)")
    assert results.read_results(query) == before


def test_other_models_are_new(whole: Query) -> None:
    """An environment of other versions: production's last run says nothing about its tables."""
    assert receipt.is_new(whole, "data.jsonl", ["model.gguf", ""], "one 2")
    assert not receipt.is_new(whole, "data.jsonl", ["model.gguf", ""], "one 1")


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE sqlmesh._intervals SET last_altered_ts = {NOW_MS - 60_000} WHERE name = 'pair_replies'",
        "UPDATE sqlmesh._intervals SET last_altered_ts = NULL WHERE name = 'pair_replies'",
        "DELETE FROM sqlmesh._intervals WHERE name = 'pair_replies'",
        "DELETE FROM sqlmesh._environments",
        "INSERT INTO tacos.tag_replies VALUES ('truncated')",
        "INSERT INTO tacos.pair_replies VALUES ('truncated')",
        "INSERT INTO tacos_internal.singleton_scores VALUES ('truncated')",
        "INSERT INTO tacos_internal.wording_replies VALUES ('truncated')",
        "INSERT INTO tacos_internal.second_judge_replies VALUES ('truncated')",
        "INSERT INTO tacos.llm_calls VALUES ('a reply that the cache lacks')",
    ],
)
def test_a_run_that_was_not_whole_is_not_kept(query: Query, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """A model that was not made (it failed, was not selected), a reply to ask for again, one that came meanwhile."""
    monkeypatch.setattr("time.time", lambda: NOW_MS / 1000 - 1)
    query(sql)
    assert receipt.is_new(query, "data.jsonl", [], "one 1")
    receipt.end(query)
    assert not receipt.receipt_path().exists()


def test_a_warehouse_without_the_state_is_not_noted(root: Path, query: Query) -> None:
    """As where SQLMesh keeps its state in another database: the run goes on, and every run is made."""
    query("DROP SCHEMA sqlmesh CASCADE")
    assert receipt.is_new(query, "data.jsonl", [], "one 1")
    receipt.end(query)
    assert not receipt.receipt_path().exists()
    assert receipt.is_new(query, "data.jsonl", [], "one 1")


def test_failures_that_are_not_asked_for_again_are_kept(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_ASK_FAILED_AGAIN", "0")
    monkeypatch.setattr("time.time", lambda: NOW_MS / 1000 - 1)
    query("INSERT INTO tacos.tag_replies VALUES ('truncated')")
    receipt.is_new(query, "data.jsonl", [], "one 1")
    receipt.end(query)
    assert receipt.changes(query) == []
    monkeypatch.setenv("TACOS_ASK_FAILED_AGAIN", "1")
    assert receipt.changes(query) == ["the settings"]


def test_what_changes_during_a_run_is_new_after_it(root: Path, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW_MS / 1000 - 1)
    receipt.is_new(query, "data.jsonl", [], "one 1")
    edit_unseen(root / "data.jsonl")
    receipt.end(query)
    assert receipt.changes(query) == ["the dataset"]


def test_what_executes_anything_forgets_the_last_run(whole: Query) -> None:
    assert not receipt.is_new(whole, "data.jsonl", ["model.gguf", ""], "one 1")
    receipt.begin()  # of the run that was left out
    assert receipt.receipt_path().exists()
    receipt.begin()  # of a plan or a run that did not ask: it begins behind the reader
    assert not receipt.receipt_path().exists()


def test_what_was_made_of_the_tables(whole: Query, root: Path) -> None:
    page = root / "report.html"
    page.write_text("a page", encoding="utf-8")
    assert not receipt.is_as_made(page)
    receipt.note_made(page)
    assert receipt.is_as_made(page)
    assert receipt.changes(whole) == []
    edit_unseen(page)
    assert not receipt.is_as_made(page)
    page.unlink()
    assert not receipt.is_as_made(page)


def test_every_table_waits_for_something_new(project: Context) -> None:
    """By reading from the reader of the dataset, however far down, or by asking for itself.

    One that does neither would be made by a run without anything new, and would make the run after it a whole one.
    """
    reader = project.get_model("tacos.source_records", raise_if_missing=True)
    held = {reader.fqn, *project.dag.downstream(reader.fqn)}
    made = {
        m.fqn: m for m in project.models.values() if not (m.kind.is_seed or m.kind.is_external or m.kind.is_embedded)
    }
    asking = {fqn for fqn, model in made.items() if any(name == "something_is_new" for name, _ in model.signals)}
    assert reader.fqn in asking
    assert made.keys() - held - asking == set()
