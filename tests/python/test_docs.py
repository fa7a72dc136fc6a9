"""What the pages say can be done: commands, options, tables, columns, settings, files and links in them exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import UsageError
from sqlglot import exp, parse
from sqlglot.errors import OptimizeError, ParseError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema
from sqlmesh import Context
from sqlmesh.cli.main import cli as sqlmesh_cli

from python_models.cli import make_parser
from python_models.diagnostics.reviews import COLUMNS
from python_models.settings import PROJECT_ROOT

PAGES = [
    *(PROJECT_ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(
        path
        for folder in ("docs", "bench", "prompts", "seeds", "requirements")
        for path in (PROJECT_ROOT / folder).glob("*.md")
    ),
]
BLOCK = re.compile(r"^```(bash|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENTS = ("tacos__try", "tacos__dev")


def blocks(kind: str) -> list[tuple[Path, str]]:
    """The fenced blocks of all pages in a language, with their page."""
    return [(path, text) for path in PAGES for found, text in BLOCK.findall(path.read_text("utf-8")) if found == kind]


def command_lines() -> Iterator[tuple[str, str]]:
    """Lines of bash with their page: a continued one is one, and every part of a chain is."""
    for path, text in blocks("bash"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield path.name, shlex.join(words)


def complaint(line: str) -> str | None:
    """What is wrong with a command line; None if every part of it exists."""
    words = shlex.split(line)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    program, *arguments = words
    program = program.removeprefix(".venv/bin/")
    if program == "tacos":
        try:
            make_parser().parse_args(arguments)
        except SystemExit:
            return "tacos does not take this"
    elif program == "sqlmesh":
        return sqlmesh_complaint(arguments)
    elif program == "make":
        targets = re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        return None if set(arguments) <= set(targets) else "no such target"
    elif program == "python" or program == "cp":
        return None if (PROJECT_ROOT / arguments[0]).is_file() else "no such file"
    elif program not in ("echo", "."):
        return "a program that the test does not know"
    return None


def sqlmesh_complaint(arguments: list[str]) -> str | None:
    name, *options = arguments
    command = sqlmesh_cli.commands.get(name)
    if command is None:
        return "sqlmesh has no such command"
    try:
        command.make_context(name, options)
    except UsageError as error:
        return error.message
    return None


def test_every_command_in_a_page_is_one() -> None:
    lines = list(command_lines())
    assert len(lines) > 40
    assert not [(page, line, found) for page, line in lines if (found := complaint(line))]


@pytest.mark.parametrize(
    "line",
    ["tacos expot a", "tacos export a --format csv", "sqlmesh paln", "sqlmesh plan --no-such", "make rnu",
     "python bench/none.py", "rm -rf x"],
)  # fmt: skip
def test_a_command_that_is_none_is_found(line: str) -> None:
    assert complaint(line)


def sql_texts() -> list[tuple[str, str]]:
    """Queries of all pages: those in blocks of SQL, and those in commands."""
    found = [(path.name, text) for path, text in blocks("sql")]
    for page, line in command_lines():
        words = shlex.split(line)
        found += [(page, words[words.index("fetchdf") + 1])] if "fetchdf" in words else []
    return found


def schema_of(project: Context) -> MappingSchema:
    """The tables of the project with their columns, also under the names that they have in environments."""
    schema = MappingSchema(dialect="duckdb")
    for model in project.models.values():
        columns = {name: kind.sql("duckdb") for name, kind in model.columns_to_types_or_raise.items()}
        if model.kind.is_embedded:
            continue
        names = [f"{model.schema_name}.{model.view_name}"]
        names += [f"{environment}.{model.view_name}" for environment in ENVIRONMENTS if model.schema_name == "tacos"]
        for name in names:
            schema.add_table(name, columns, dialect="duckdb")
    return schema


def sql_complaints(text: str, schema: MappingSchema) -> list[str]:
    complaints = []
    try:
        statements = parse(text, dialect="duckdb")
    except ParseError as error:
        return [str(error)]
    for statement in filter(None, statements):
        for table in statement.find_all(exp.Table):
            if table.db.startswith("tacos") and not schema.find(exp.to_table(f"{table.db}.{table.name}")):
                complaints.append(f"no table {table.db}.{table.name}")
        try:
            qualify(statement, dialect="duckdb", schema=schema)
        except OptimizeError as error:
            complaints.append(str(error))
    return complaints


def test_every_query_in_a_page_has_its_tables_and_columns(project: Context) -> None:
    schema, queries = schema_of(project), sql_texts()
    assert len(queries) > 10
    assert not [(page, found) for page, text in queries if (found := sql_complaints(text, schema))]


@pytest.mark.parametrize(
    "query", ["SELECT a FROM tacos.sample", "SELECT lable FROM tacos.cluster_labels", "SELECT FROM ("]
)
def test_a_query_of_what_is_not_there_is_found(project: Context, query: str) -> None:
    assert sql_complaints(query, schema_of(project))


OWN_PAGES = ("change", "cost", "diagnostics", "endpoints", "operate")
"""Pages whose names in backticks are names of the project; others also name fields of data, and functions."""


def test_every_name_in_a_page_of_the_project_is_one_of_it(project: Context) -> None:
    known = set(project.config.variables) | set(COLUMNS)
    for model in project.models.values():
        known |= {model.view_name, *model.columns_to_types_or_raise}
    for seed in (PROJECT_ROOT / "seeds").glob("*.csv"):
        header, *rows = seed.read_text("utf-8").splitlines()
        known |= {*header.split(","), *(row.split(",")[0] for row in rows)}
    named = {
        (page, name)
        for page in OWN_PAGES
        for name in re.findall(
            r"`(?:tacos\.|tacos_internal\.)?([a-z]+(?:_[a-z]+)+)`",
            (PROJECT_ROOT / f"docs/{page}.md").read_text("utf-8"),
        )
    }
    assert len(named) > 20
    assert not {(page, name) for page, name in named if name not in known}


def test_every_setting_in_a_page_is_one() -> None:
    known = set(re.findall(r"\bTACOS_[A-Z_]+\b", (PROJECT_ROOT / "docs/reference.md").read_text("utf-8")))
    named = {(path.name, name) for path in PAGES for name in re.findall(r"\bTACOS_[A-Z_]+\b", path.read_text("utf-8"))}
    assert len(named) > 40
    assert not {(page, name) for page, name in named if name not in known}


def test_every_link_leads_somewhere() -> None:
    links = [(path, link) for path in PAGES for link in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8"))]
    assert len(links) > 40
    assert not [(path.name, link) for path, link in links if "://" not in link and not (path.parent / link).exists()]


def test_every_page_stands_in_the_index() -> None:
    index = (PROJECT_ROOT / "docs/README.md").read_text("utf-8")
    assert not [
        path.name
        for path in (PROJECT_ROOT / "docs").glob("*.md")
        if path.name != "README.md" and f"({path.name})" not in index
    ]


def test_the_first_page_is_short() -> None:
    assert len((PROJECT_ROOT / "README.md").read_text("utf-8").splitlines()) < 200
