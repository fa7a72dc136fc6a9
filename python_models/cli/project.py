"""The SQLMesh project as a command opens it: settings checked first, failures kept to be told last."""

from __future__ import annotations

import ast
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
from sqlmesh.core.console import TerminalConsole

from python_models.cli.checks import check_settings
from python_models.cli.console import FailureConsole, QuietConsole
from python_models.cli.warehouse import WarehouseError, full_message, open_message
from python_models.settings import PROJECT_ROOT, database_path
from python_models.variables import configured_variables

if TYPE_CHECKING:
    from sqlmesh import Context
    from sqlmesh.core.loader import Loader
    from sqlmesh.core.test import ModelTestMetadata


def promoted_models(context: Context, environment: str = "prod") -> dict[str, Any]:
    """The models of an environment as the last plan stored them, by name; empty if there is no such environment."""
    found = context.state_reader.get_environment(environment)
    snapshots = context.state_reader.get_snapshots(found.snapshots) if found is not None else {}
    return {snapshot.model.name: snapshot for snapshot in snapshots.values()}


def stored_variables(model: Any) -> dict[str, Any]:
    """The variables that a model uses, with their values, as SQLMesh keeps them with it."""
    stored = model.python_env.get("__sqlmesh__vars__")
    return dict(ast.literal_eval(stored.payload)) if stored is not None else {}


def _loader_without_tests() -> type[Loader]:
    """SQLMesh's loader without the unit tests, which no command of `tacos` runs: reading them is a third of loading."""
    from sqlmesh.core.loader import SqlMeshLoader

    class LoaderWithoutTests(SqlMeshLoader):
        def load_model_tests(self) -> list[ModelTestMetadata]:
            return []

    return LoaderWithoutTests


@contextmanager
def open_project(*, is_quiet: bool = False) -> Iterator[Context]:
    """The project, its settings checked; what a model or an audit says when it fails becomes the error's message.

    Args:
        is_quiet: a line per stage instead of one per table; the others go to SQLMesh's log.

    Raises:
        SettingError: a setting is wrong.
        WarehouseError: another process holds the warehouse, its disk is full, or a model or an audit failed.
    """
    os.chdir(PROJECT_ROOT)
    check_settings(configured_variables())
    from sqlmesh import Context, configure_logging
    from sqlmesh.core.console import configure_console, get_console, set_console
    from sqlmesh.utils.errors import SQLMeshError

    # How SQLMesh reads seeds is deprecated in pandas; a user can do nothing about it.
    warnings.filterwarnings("ignore", module=r"sqlmesh\.core\.model\.definition")
    # Nor that its audit of ranges, made to Python, asks whether a number is not None.
    warnings.filterwarnings("ignore", message='"is not" with', category=SyntaxWarning)
    configure_logging()
    configure_console()
    kind = QuietConsole if is_quiet else FailureConsole
    console = kind() if isinstance(get_console(), TerminalConsole) else None
    if console is not None:
        set_console(console)
    try:
        gc.disable()  # a million small objects that live to the end: to look for garbage among them is half the time
        context = Context(paths=str(PROJECT_ROOT), loader=_loader_without_tests())
        gc.freeze()
        gc.enable()
        try:
            yield context
        finally:
            context.close()
    except duckdb.IOException as error:
        raise WarehouseError(open_message(database_path(), error)) from error
    except (duckdb.Error, OSError) as error:
        if (message := full_message(error)) is None:
            raise
        raise WarehouseError(message) from error
    except SQLMeshError as error:
        raise WarehouseError(_told(console.failures if console else {}, str(error))) from error


def _told(failures: dict[str, str], otherwise: str) -> str:
    what = "\n".join(f"{name}: {full_message(text) or text}" for name, text in failures.items()) or otherwise
    return (
        "the run stopped, and the models that come after it were not run. What was paid for is kept in the cache: the "
        f"next run goes on from here.\n{what}"
    )
