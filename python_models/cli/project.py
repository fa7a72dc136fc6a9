"""The SQLMesh project as a command opens it: settings checked first, failures kept to be told last."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
from sqlmesh.core.console import TerminalConsole, _format_node_errors

from python_models.cli.checks import check_settings
from python_models.cli.warehouse import WarehouseError, locked_message
from python_models.settings import PROJECT_ROOT, database_path
from python_models.terminal import UserError, shown
from python_models.variables import configured_variables

if TYPE_CHECKING:
    from sqlmesh import Context
    from sqlmesh.utils.concurrency import NodeExecutionFailedError


class FailureConsole(TerminalConsole):
    """SQLMesh's terminal, except that failed models are not printed in the middle: ``failures`` keeps them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.failures: dict[str, str] = {}

    def log_failed_models(self, errors: list[NodeExecutionFailedError[Any]]) -> None:
        """Keep what failed: the message of the error where a user can mend it, else what SQLMesh says about it."""
        for error in errors:
            ((node, text),) = _format_node_errors([error]).items()
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, (UserError, duckdb.Error)):
                cause = cause.__cause__ or cause.__context__
            message = cause.message if isinstance(cause, UserError) else cause or text
            self.failures[node.replace('"', "").partition(".")[2]] = shown(message).strip()

    def log_skipped_models(self, snapshot_names: set[str]) -> None:
        """Say how many were not reached, not which."""
        if snapshot_names:
            self._print(f"{len(snapshot_names)} models that come after it were not run.")


def promoted_models(context: Context, environment: str = "prod") -> dict[str, Any]:
    """The models of an environment as the last plan stored them, by name; empty if there is no such environment."""
    found = context.state_reader.get_environment(environment)
    snapshots = context.state_reader.get_snapshots(found.snapshots) if found is not None else {}
    return {snapshot.model.name: snapshot for snapshot in snapshots.values()}


def stored_variables(model: Any) -> dict[str, Any]:
    """The variables that a model uses, with their values, as SQLMesh keeps them with it."""
    stored = model.python_env.get("__sqlmesh__vars__")
    return dict(ast.literal_eval(stored.payload)) if stored is not None else {}


@contextmanager
def open_project() -> Iterator[Context]:
    """The project, its settings checked; what a model or an audit says when it fails becomes the error's message.

    Raises:
        SettingError: a setting is wrong.
        WarehouseError: another process holds the warehouse, or a model or an audit failed.
    """
    os.chdir(PROJECT_ROOT)
    check_settings(configured_variables())
    from sqlmesh import Context, configure_logging
    from sqlmesh.core.console import configure_console, get_console, set_console
    from sqlmesh.utils.errors import SQLMeshError

    configure_logging()
    configure_console()
    console = FailureConsole() if isinstance(get_console(), TerminalConsole) else None
    if console is not None:
        set_console(console)
    try:
        context = Context(paths=str(PROJECT_ROOT))
        try:
            yield context
        finally:
            context.close()
    except duckdb.IOException as error:
        raise WarehouseError(locked_message(database_path(), error)) from error
    except SQLMeshError as error:
        raise WarehouseError(_told(console.failures if console else {}, str(error))) from error


def _told(failures: dict[str, str], otherwise: str) -> str:
    what = "\n".join(f"{name}: {text}" for name, text in failures.items()) or otherwise
    return (
        "the run stopped, and the models that come after it were not run. What was paid for is kept in the cache: the "
        f"next run goes on from here.\n{what}"
    )
