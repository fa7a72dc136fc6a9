"""Claims about the project as a whole: every model is described and audited, and its SQL also runs on Spark."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re
from contextlib import redirect_stdout
from io import StringIO

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp
from sqlmesh import Context
from sqlmesh.core.model import Model, SeedModel, SqlModel
from sqlmesh.core.model.definition import _is_only_projection_additions

import python_models.cli
import python_models.report
from python_models.cli import main
from python_models.engine_connection import with_parameters
from python_models.selection.history import TABLES
from python_models.settings import PROJECT_ROOT

LONG_FOR_A_REASON = {"tag_spellings.sql", "method_ranks.sql"}
"""A chain of seven rules, four ways to choose: a cut would part what is read together."""

LONG_MODULES = {
    "source/json_stream.py": "one scanner, whose steps share its state",
    "llm/batch/run.py": "one loop of rounds, whose steps share what was asked and in which form",
}
"""Modules of more than 220 lines, and why a cut would part what is read together."""

PROVE_THE_GRAIN = {"unique_values", "unique_combination_of_columns"}

# sqlglot passes functions that it does not know through unchanged: these are the ones that Spark has too.
KNOWN_TO_SPARK = {"CONV", "MD5", "RAISE_ERROR", "TRANSLATE"}


def models(project: Context) -> list[Model]:
    found = [model for model in project.models.values() if not model.kind.is_external]
    assert len(found) >= 20, "the project did not load"
    return found


def test_every_model_has_a_description_that_names_its_grain(project: Context) -> None:
    without = [m.name for m in models(project) if not (m.description or "").startswith("One row")]
    assert not without


def test_every_column_is_described(project: Context) -> None:
    missing = [
        f"{model.name}.{column}"
        for model in models(project)
        for column in model.columns_to_types_or_raise
        if not model.column_descriptions.get(column)
    ]
    assert not missing


def test_no_description_of_a_column_that_is_gone(project: Context) -> None:
    stale = [
        f"{model.name}.{column}"
        for model in models(project)
        for column in model.column_descriptions
        if column not in model.columns_to_types_or_raise
    ]
    assert not stale


def test_every_model_proves_its_grain_by_an_audit(project: Context) -> None:
    without = [
        model.name
        for model in models(project)
        if not model.grains or not (model.kind.is_embedded or PROVE_THE_GRAIN & {name for name, _ in model.audits})
    ]
    assert not without


def test_every_embedded_step_has_a_unit_test_of_its_own(project: Context) -> None:
    """It has no table, and SQLMesh allows it no audit: its readers' audits and its unit test are what proves it."""
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT_ROOT / "tests/sql").glob("*.yaml"))
    steps = {model._path for model in models(project) if model.kind.is_embedded}
    tested = {model._path for model in models(project) if f"model: {model.name}\n" in tests}
    assert len(steps) >= 5
    assert not steps - tested


def test_no_sql_file_is_long(project: Context) -> None:
    """One thing per file: what has two names can have two files."""
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in (PROJECT_ROOT / "models").rglob("*.sql")
    }
    assert not {path.name: n for path, n in lines.items() if n > 100 and path.name not in LONG_FOR_A_REASON}


def test_no_module_is_long() -> None:
    """One thing per module; what is long for a reason names it, and only as long as it is."""
    root = PROJECT_ROOT / "python_models"
    lines = {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in root.rglob("*.py")
    }
    assert len(lines) > 100
    assert {name for name, n in lines.items() if n > 220} == set(LONG_MODULES)


def test_a_query_from_the_file_cache_is_to_sqlmesh_the_same_query(project: Context) -> None:
    """Else the edit of a macro that changes no SQL is breaking or not, depending on what lies in .cache.

    SQLMesh compares the query of the last version, which comes from that cache, with a fresh one. Pickling drops empty
    lists of a tree, which SQLMesh overlooks in the projections only: what is counted in HAVING or numbered in QUALIFY,
    and grouping sets, differ. A column of a CTE and a WHERE say the same.
    """
    models_with_macros = [model for model in models(project) if isinstance(model, SqlModel) and model.python_env]
    assert len(models_with_macros) > 50
    differing = []
    for model in models_with_macros:
        query = rendered_now(model)
        if not _is_only_projection_additions(pickle.loads(pickle.dumps(query)), query):
            differing.append(model.name)
    assert not differing


def rendered_now(model: SqlModel) -> exp.Query:
    """The query of a model, rendered, not read from a cache."""
    copy = model.copy()
    copy.__dict__.pop("_query_renderer", None)
    return copy.render_query_or_raise()


def test_every_model_says_its_stage(project: Context) -> None:
    stages = {"source", "tagging", "normalization", "clustering", "judging", "selection", "diagnostics"}
    assert not [model.name for model in models(project) if not stages & set(model.tags)]


def test_audits_name_columns_not_strings(project: Context) -> None:
    """A column given as a plain string would become a string literal: the audit could never fail."""
    literal = [
        f"{model.name}: {name}"
        for model in models(project)
        for name, arguments in model.audits
        for value in arguments.values()
        for node in (value.expressions if isinstance(value, (exp.Array, exp.Tuple)) else [value])
        if isinstance(node, exp.Literal) and node.is_string and name in PROVE_THE_GRAIN | {"not_null"}
    ]
    assert not literal


class Spark:
    """What a macro asks of the engine that runs its query."""

    dialect = "spark"


def unsupported_by_spark(query: exp.Expression) -> list[str]:
    """What Spark would refuse in a DuckDB query: constructs without translation, and functions it does not have."""
    sql = query.sql(dialect="duckdb")
    try:
        translated = sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)[0]
    except sqlglot.UnsupportedError as error:
        return [str(error)]
    tree = sqlglot.parse_one(translated, read="spark")
    unknown = {node.name.upper() for node in tree.find_all(exp.Anonymous)} - KNOWN_TO_SPARK
    unknown |= {"LISTAGG"} if tree.find(exp.GroupConcat) else set()  # Spark has it from version 4 on
    return [f"unknown function {name}" for name in sorted(unknown)]


def test_the_check_for_spark_can_fail() -> None:
    assert unsupported_by_spark(sqlglot.parse_one("SELECT LIST_COSINE_SIMILARITY(a, b) FROM t", read="duckdb"))
    assert unsupported_by_spark(sqlglot.parse_one("SELECT NFC_NORMALIZE(a) FROM t", read="duckdb"))


@pytest.mark.long
def test_every_sql_model_transpiles_to_spark(project: Context) -> None:
    problems = {
        model.name: found
        for model in models(project)
        if isinstance(model, SqlModel)
        and not isinstance(model, SeedModel)
        and (found := unsupported_by_spark(model.render_query_or_raise(engine_adapter=Spark())))
    }
    assert not problems


@pytest.mark.long
def test_every_audit_transpiles_to_spark(project: Context) -> None:
    audits = {
        f"{model.name}: {audit.name}": model.render_audit_query(audit, **arguments, engine_adapter=Spark())
        for model in models(project)
        for audit, arguments in model.audits_with_args
    }
    assert len(audits) > 100, "audits were not found"
    problems = {name: found for name, query in audits.items() if (found := unsupported_by_spark(query))}
    assert not problems


def queries_of_commands() -> dict[str, str]:
    """Every query that stands in a constant of a command or of the report, with names in place of its tables."""
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for package in (python_models.cli, python_models.report)
        for found in pkgutil.iter_modules(package.__path__)
    ]
    return {
        f"{module.__name__}.{name}": re.sub(r"\{(\w+)\}", r"tacos.\1", text)
        for module in modules
        for name, text in vars(module).items()
        if name.isupper() and isinstance(text, str) and re.match(r"\s*(WITH|SELECT)\b", text)
    }


def test_every_query_of_a_command_transpiles_to_spark() -> None:
    queries = queries_of_commands()
    assert len(queries) > 15
    # Of tags_diff, the first constant is a beginning of the others.
    start = queries.pop("python_models.cli.tags_diff.DIFFERENCES")
    queries = {name: start + text if "tags_diff" in name else text for name, text in queries.items()}
    problems = {
        name: found
        for name, text in queries.items()
        if (found := unsupported_by_spark(with_parameters(text, [1] * text.count("?") or [1, 1])))
    }
    assert not problems


def test_on_spark_a_failure_is_one_that_no_filter_is_inferred_from(project: Context) -> None:
    """Spark moves what is deterministic below joins, and would fail for rows that the join leaves out."""
    failing = [
        model.render_audit_query(audit, **arguments, engine_adapter=Spark()).sql(dialect="spark")
        for model in models(project)
        for audit, arguments in model.audits_with_args
        if "ERROR(" in model.render_audit_query(audit, **arguments).sql(dialect="duckdb")
    ]
    assert len(failing) >= 5
    for sql in failing:
        assert sql.count("RAISE_ERROR(") == sql.count("UUID()") > 0


def reference() -> str:
    return (PROJECT_ROOT / "docs/reference.md").read_text(encoding="utf-8")


def named_in_tables(heading: str, column: int, pattern: str) -> set[str]:
    """What stands in backticks in a column (from 0) of the reference's tables below a heading, up to the next one."""
    found = re.search(rf"^#+ {heading}$(.*?)^#+ ", reference(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference.md has no section {heading!r}"
    rows = [line.split("|")[1:] for line in found[1].splitlines() if line.startswith("|") and "---" not in line]
    return {name for row in rows[1:] if len(row) > column for name in re.findall(rf"`({pattern})`", row[column])}


def test_the_reference_names_the_tables_that_are_there(project: Context) -> None:
    tables = {model.view_name for model in models(project) if not model.kind.is_embedded}
    tables |= {name.split(".")[1] for name in TABLES}
    assert named_in_tables("Every table", 1, r"[a-z_]+\d?") - {"tacos", "tacos_internal"} == {
        name for name in tables if not name.endswith("_2")
    }


def test_what_users_query_are_few_tables(project: Context) -> None:
    names = [model.name for model in models(project) if model.schema_name == "tacos" and not model.kind.is_embedded]
    assert 20 <= len(names) <= 30
    assert {model.schema_name for model in models(project)} == {"tacos", "tacos_internal"}


def test_the_reference_names_the_variables_that_are_there(project: Context) -> None:
    names = set(project.config.variables) | set(project.config.gateways["openai"].variables)
    assert named_in_tables("Variables", 1, "[a-z_]+") == names


def test_the_reference_names_the_environment_variables_that_are_there() -> None:
    sources = [*(PROJECT_ROOT / "python_models").rglob("*.py"), PROJECT_ROOT / "config.yaml"]
    names = {name for file in sources for name in re.findall(r"\b(?:TACOS|OPENAI)_[A-Z_]+\b", file.read_text())}
    assert len(names) > 10
    assert named_in_tables("Environment variables", 0, "[A-Z_]+") == names


def test_the_reference_names_the_commands_that_are_there() -> None:
    names = set(re.findall(r"^    ([a-z-]+)\b", cli_help(), re.MULTILINE))
    assert {"run", "explain", "cache"} <= names
    said = named_in_tables("Commands", 0, "[^`]+")
    assert {text.split()[1] for text in said if text.startswith("tacos ")} == names
    targets = set(re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {text.split()[1] for text in said if text.startswith("make ")} <= targets


def cli_help() -> str:
    with pytest.raises(SystemExit), redirect_stdout(StringIO()) as output:
        main(["--help"])
    return output.getvalue()
