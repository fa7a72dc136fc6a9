"""A dataset that changes: run, do what the message says, and the tables are those of a fresh build of its files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fake_endpoint import FakeEndpoint
from project_copy import PLAN, ProjectCopy

from python_models.source.records import read_ids

pytestmark = pytest.mark.xdist_group("dataset changes")
SLOW, EXHAUSTIVE = pytest.mark.slow, pytest.mark.exhaustive

SAMPLES = [(f"What about {topic}?", f"Much about {topic}.") for topic in ("bread", "planets", "verbs", "taxes")]
# Everything but the days, which tell when a record was seen: they must be those of before where it was there before.
TABLES = {
    "source_records": "record_id, source_file, instruction, response, error",
    "samples": "sample_id, record_id, n_duplicates, source_file",
    "source_counts": "* EXCLUDE (n_records_in_file)",
    "tag_replies": "sample_id, tags, raw_reply, request_key",
    "raw_tags": "sample_id, tag_position, raw_tag",
}


def at(folder: Path, endpoint: FakeEndpoint) -> ProjectCopy:
    """A project with the stages source and tagging only: what a changed dataset changes."""
    folder.mkdir()
    copy = ProjectCopy(folder, {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "k"})
    copy.environment["TACOS_DATASET"] = "data"
    for stage in (folder / "models").iterdir():
        if stage.name not in {"source", "tagging"}:
            shutil.rmtree(stage)
    return copy


def write(path: Path, samples: list[tuple[str, str]]) -> None:
    path.parent.mkdir(exist_ok=True)
    records = [{"instruction": instruction, "output": output} for instruction, output in samples]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def tables(project: ProjectCopy, environment: str = "prod") -> dict[str, list[tuple[Any, ...]]]:
    """Rows of an environment's tables; what it did not change is production's."""
    schema = f"tacos__{environment}"
    own = {name for (name,) in project.query(f"SELECT view_name FROM duckdb_views() WHERE schema_name = '{schema}'")}
    return {
        name: sorted(project.query(f"SELECT {columns} FROM {schema if name in own else 'tacos'}.{name}"), key=repr)
        for name, columns in TABLES.items()
    }


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, endpoint: FakeEndpoint) -> ProjectCopy:
    """A project whose two files were read 30 days ago."""
    project = at(tmp_path_factory.mktemp("changes") / "built", endpoint)
    write(project.root / "data" / "a.jsonl", SAMPLES)
    write(project.root / "data" / "b.jsonl", [("Why?", "Because."), SAMPLES[0]])
    for day in ("30 days ago", "2 hours ago"):
        project.run(*PLAN, "--execution-time", day)
    return project


@SLOW
def test_a_table_is_read_like_a_file(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    """Turns in a list of structs; a record that comes later is taken in, one of this day that is gone is taken back."""
    project = at(tmp_path / "table", endpoint)
    project.environment["TACOS_DATASET"] = "table:chats.mine"

    def change(sql: str) -> None:
        with duckdb.connect(str(project.root / "warehouse.duckdb")) as connection:
            connection.execute(sql)

    turns = "[{'role': 'user', 'content': 'What of ' || n}, {'role': 'assistant', 'content': 'That.'}] AS messages"
    change(f"CREATE SCHEMA chats; CREATE TABLE chats.mine AS SELECT {turns} FROM RANGE(9) AS t(n)")
    project.run(*PLAN)
    change(
        "INSERT INTO chats.mine SELECT messages FROM chats.mine LIMIT 1;"
        f"INSERT INTO chats.mine SELECT {turns} FROM RANGE(9, 10) AS t(n)"
    )
    n_before = endpoint.record.n_requests
    project.run("run", "--ignore-cron")
    assert endpoint.record.n_requests - n_before == 1
    assert project.query("SELECT COUNT(*), SUM(n_duplicates) FROM tacos.samples") == [(10, 1)]
    described = "SELECT format, n_records, n_bytes, modified_at FROM tacos_internal.dataset_files"
    assert project.query(described) == [("table/messages", 11, None, None)]
    project.query(f"COPY chats.mine TO '{tmp_path / 'chats.mine'}' (FORMAT parquet)")
    of_file = [record_id for ids in read_ids(str(tmp_path / "chats.mine"), "") for record_id in ids]
    assert project.query("SELECT LIST(record_id ORDER BY record_no) FROM tacos.source_records") == [(of_file,)]

    change("DELETE FROM chats.mine WHERE messages[1].content = 'What of 3'")
    project.run("run", "--ignore-cron")
    assert project.query("SELECT COUNT(*) FROM tacos.samples") == [(9,)]


def append(data: Path) -> None:
    write(data / "a.jsonl", [*SAMPLES, ("What is new?", "This.")])


def edit_old(data: Path) -> None:
    write(data / "a.jsonl", [("What about rye?", "Much about rye."), *SAMPLES[1:]])


def delete(data: Path) -> None:
    write(data / "a.jsonl", SAMPLES[:-1])


def rename(data: Path) -> None:
    (data / "a.jsonl").rename(data / "c.jsonl")


def edit_new(data: Path) -> None:
    """Edited on the day on which it came in: an ordinary run takes that back."""
    write(data / "a.jsonl", [*SAMPLES, ("What is newer?", "That.")])


@pytest.mark.parametrize(
    ("changes", "says_command", "n_paid"),
    [
        pytest.param([append], False, 1, marks=EXHAUSTIVE),
        pytest.param([edit_old], True, 1, marks=EXHAUSTIVE),
        pytest.param([append, edit_new], False, 2, marks=SLOW),
        pytest.param([delete], True, 0, marks=EXHAUSTIVE),
        pytest.param([rename], True, 0, marks=EXHAUSTIVE),
    ],
)
def test_a_changed_dataset_gives_the_tables_of_a_fresh_build(
    built: ProjectCopy,
    endpoint: FakeEndpoint,
    tmp_path: Path,
    changes: list[Callable[[Path], None]],
    says_command: bool,
    n_paid: int,
) -> None:
    project = follow(built, tmp_path / "project")
    n_before = endpoint.record.n_requests
    days = dict(project.query("SELECT record_id, ingested_at FROM tacos.source_records"))
    for change in changes[:-1]:
        change(project.root / "data")
        project.run(*PLAN, "--execution-time", "1 hour ago")
    changes[-1](project.root / "data")
    output = " ".join(project.run("run", "--ignore-cron", expect_failure=says_command).split())
    command = re.search(r"sqlmesh (plan --restate-model [\w.]+ --run --ignore-cron)", output)
    assert (command is not None) == says_command, output
    if command:
        project.run(*command[1].split(), "--auto-apply", "--no-prompts")
    assert endpoint.record.n_requests - n_before == n_paid
    now = dict(project.query("SELECT record_id, ingested_at FROM tacos.source_records"))
    assert {name: now[name] for name in days if name in now} == {name: days[name] for name in days if name in now}

    fresh = at(tmp_path / "fresh", endpoint)
    shutil.copytree(project.root / "data", fresh.root / "data")
    shutil.copy(project.cache, fresh.cache)
    fresh.run(*PLAN)
    assert tables(project) == tables(fresh)


def set_variable(project: ProjectCopy, name: str, value: str) -> None:
    config = project.root / "config.yaml"
    text, n = re.subn(rf"^(  {name}:) [^#\n]*", rf"\1 {value} ", config.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert n == 1
    config.write_text(text, encoding="utf-8")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("variable", "value", "n_commands"),
    [
        # Of the first, the environment reads the dataset for itself; of the second, it shares production's records.
        ("column_mapping", "instruction=instruction, response=output", 1),
        ("tag_explanations", "true", 2),
    ],
)
def test_a_command_works_as_it_stands_in_the_environment_where_it_is_told(
    built: ProjectCopy, endpoint: FakeEndpoint, tmp_path: Path, variable: str, value: str, n_commands: int
) -> None:
    project = follow(built, tmp_path / "project")
    set_variable(project, variable, value)
    project.run("plan", "dev", "--auto-apply", "--no-prompts")
    edit_old(project.root / "data")
    output = " ".join(project.run("run", "dev", "--ignore-cron", expect_failure=True).split())
    told = re.search(r"again: ((?:(?:&& )?sqlmesh [\w.-]+(?: (?!&&)[\w.-]+)* ?)+)", output)
    assert told, output
    commands = [command.split() for command in told[1].split("&&")]
    assert len(commands) == n_commands, told
    for _, name, *arguments in commands:
        project.run(name, *arguments, *(["--auto-apply", "--no-prompts"] if name == "plan" else []))

    fresh = at(tmp_path / "fresh", endpoint)
    set_variable(fresh, variable, value)
    shutil.copytree(project.root / "data", fresh.root / "data")
    shutil.copy(project.cache, fresh.cache)
    fresh.run(*PLAN)
    assert tables(project, "dev") == tables(fresh)


def follow(built: ProjectCopy, folder: Path) -> ProjectCopy:
    """A copy of a built project, with its own copy of the data: the path of the dataset is relative."""
    shutil.copytree(built.root, folder)
    project = object.__new__(ProjectCopy)
    project.root, project.environment = folder, dict(built.environment)
    return project
