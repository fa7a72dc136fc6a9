"""What can be known to fail before a run starts: settings, addresses, files and folders, a line for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from python_models.cli.warehouse import check_that_it_opens
from python_models.engine_connection import relations
from python_models.env_file import check_env_file
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.endpoint.endpoint import configured_endpoint
from python_models.settings import (
    PROJECT_ROOT,
    LlmSettings,
    SettingError,
    cache_path,
    database_path,
    project_path,
    reading_processes,
    refuse_unknown_names,
    uses_spark,
)
from python_models.source.files import find_files
from python_models.source.tables import TableError, is_made_by_a_run
from python_models.terminal import UserError, shown_line
from python_models.variable_rules import check_variables
from python_models.variables import configured_variables

_EMBEDDED = "embedded"
_SCHEMAS = ("tacos", "tacos_internal")


def check_settings(variables: Mapping[str, Any]) -> None:
    """Check everything that a run needs from its environment.

    Args:
        variables: of config.yaml and the gateway.

    Raises:
        SettingError: one line for every setting that is wrong.
    """
    checks: list[Callable[[], object]] = [
        check_env_file,
        refuse_unknown_names,
        lambda: check_variables(variables),
        LlmSettings.from_environment,
        reading_processes,
        lambda: _check_dataset(str(variables["dataset"])),
        lambda: None if uses_spark() else _check_database(database_path()),
        _check_cache,
        lambda: _check_folder("TACOS_CACHE", cache_path().parent / "staging" / "a file"),
        lambda: _check_local_model(str(variables.get("local_model") or "")),
    ]
    if not all(variables[name] == _EMBEDDED for name in ("tagging_model", "judge_model")):
        checks.append(configured_endpoint)
    problems: list[str] = []
    for check in checks:
        try:
            check()
        except UserError as error:
            problems.append(error.message)
    if problems:
        raise SettingError("\n".join(dict.fromkeys(problems)))


def tell_of_another_dataset(planned: str) -> None:
    """Say so where the dataset of the last plan, which ``sqlmesh run`` reads, is not the one that is set now."""
    now = str(configured_variables()["dataset"])
    if project_path(planned) != project_path(now):
        print(
            f"This run reads the dataset of the last plan, {shown_line(planned)}, not {shown_line(now)}: "
            "`sqlmesh plan` or `tacos run` changes to that.",
            file=sys.stderr,
        )


def _check_dataset(dataset: str) -> None:
    (found,) = find_files(dataset)[:1]
    if found.table is None or found.table.name.catalog or uses_spark():
        return  # what is attached or on Spark is looked for by the run
    path, wanted = database_path(), (found.table.name.db.lower(), found.table.name.name.lower())
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            names = {(schema, name) for schema, name in relations(connection) if not is_made_by_a_run(schema)}
    except duckdb.Error:
        if path.exists():
            return  # this process has it open, so the run will look; or the check of the warehouse says what is wrong
        names = set()
    if wanted not in {(schema.lower(), name.lower()) for schema, name in names}:
        there = ", ".join(sorted(".".join(name) for name in names)) or "none of yours"
        raise TableError(f"TACOS_DATASET is {dataset!r}, but {path} has no such table or view; it has {there}.")


def _check_database(path: Path) -> None:
    if path.stem in _SCHEMAS:
        raise SettingError(
            f"TACOS_DATABASE must not be named like a schema of the project, but it is {path.name}: "
            f"{path.stem}.samples would mean two things. Choose another name, such as warehouse.duckdb."
        )
    if not os.environ.get("TACOS_DATABASE", "").startswith(("/", "~")) and Path.cwd() != PROJECT_ROOT:
        raise SettingError(
            f"SQLMesh looks for {path.name} in the current folder, {Path.cwd()}. Run it in the project's folder, "
            f"{PROJECT_ROOT}, or set TACOS_DATABASE to an absolute path."
        )
    _check_folder("TACOS_DATABASE", path)
    check_that_it_opens(path)


def _check_cache() -> None:
    _check_folder("TACOS_CACHE", cache_path())
    if cache_path().exists():
        ResponseCache(cache_path(), read_only=True).close()


def _check_folder(name: str, path: Path) -> None:
    """A file that can be written, or a folder in which it can be made."""
    if path.is_dir():
        raise SettingError(f"{name} must be the path of a file, but {path} is a folder.")
    if path.exists():
        if not os.access(path, os.R_OK | os.W_OK):
            raise SettingError(f"{name}: {path} cannot be read and written. Change its permissions, or the setting.")
        return
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"{name}: the folder {folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"{name}: nothing can be written in {folder}. Change its permissions, or the setting.")


def _check_local_model(given: str) -> None:
    if given and not project_path(given).is_file():
        raise SettingError(
            f"TACOS_LOCAL_MODEL must be the path of a GGUF file, but there is no file {project_path(given)}."
        )
