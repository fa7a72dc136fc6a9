"""SQLMesh's terminal as ``tacos`` shows it: failures last, and by stage where SQLMesh would tell of every table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
from rich.console import Console
from sqlmesh.core.console import TerminalConsole, _format_node_errors

from python_models.terminal import UserError, count, shown

if TYPE_CHECKING:
    from sqlmesh.core.snapshot import Snapshot
    from sqlmesh.utils.concurrency import NodeExecutionFailedError

_LOG = logging.getLogger(__name__)


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


class QuietConsole(FailureConsole):
    """One live line, and a line for every finished stage. What SQLMesh prints beside that goes to its log."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._is_loud = False
        self._n_left: Counter[str] = Counter()
        self._n_tables: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()

    def start_evaluation_progress(
        self, batched_intervals: Mapping[Snapshot, Any], *others: Any, **options: Any
    ) -> None:
        """Count the tables of every stage."""
        self._n_tables = Counter(_stage(snapshot) for snapshot in batched_intervals)
        self._n_left = Counter({_stage(one): 0 for one in batched_intervals})
        for snapshot, intervals in batched_intervals.items():
            self._n_left[_stage(snapshot)] += len(intervals)
        self._seconds = Counter()
        super().start_evaluation_progress(dict(batched_intervals), *others, **options)
        if self.evaluation_progress_live:
            self.evaluation_progress_live.transient = True

    def update_snapshot_evaluation_progress(
        self, snapshot: Snapshot, interval: Any, batch_idx: int, duration_ms: int | None, *others: Any, **options: Any
    ) -> None:
        """Move on; say so when the stage is done. Without its duration, SQLMesh says nothing of the table."""
        _LOG.info("%s, batch %d: %s ms", snapshot.name, batch_idx + 1, duration_ms)
        super().update_snapshot_evaluation_progress(snapshot, interval, batch_idx, None, *others, **options)
        stage = _stage(snapshot)
        self._seconds[stage] += (duration_ms or 0) / 1000  # type: ignore[assignment]
        self._n_left[stage] -= 1
        if self._n_left[stage] == 0:
            tables = count(self._n_tables[stage], "table")
            self.console.print(f"[green]{self.CHECK_MARK}[/]{stage:<14} {tables:>10} {self._seconds[stage]:>7.1f} s")

    def start_creation_progress(self, *arguments: Any, **options: Any) -> None:
        """The bar goes when it is full."""
        super().start_creation_progress(*arguments, **options)
        if self.creation_progress is not None:
            self.creation_progress.live.transient = True

    def start_promotion_progress(self, *arguments: Any, **options: Any) -> None:
        """The bar goes when it is full."""
        super().start_promotion_progress(*arguments, **options)
        if self.promotion_progress is not None:
            self.promotion_progress.live.transient = True

    def log_error(self, message: str) -> None:
        """Errors are always said."""
        with self._aloud():
            super().log_error(message)

    def log_warning(self, short_message: str, long_message: str | None = None) -> None:
        """Warnings are always said."""
        with self._aloud():
            super().log_warning(short_message, long_message)

    def log_skipped_models(self, snapshot_names: set[str]) -> None:
        """What was not reached is always said."""
        with self._aloud():
            super().log_skipped_models(snapshot_names)

    @contextmanager
    def _aloud(self) -> Iterator[None]:
        self._is_loud = True
        try:
            yield
        finally:
            self._is_loud = False

    def _print(self, value: Any, **options: Any) -> None:
        if self._is_loud:
            super()._print(value, **options)
            return
        console = Console(width=120, no_color=True)
        with console.capture() as captured:
            console.print(value, **options)
        if captured.get().strip():
            _LOG.info("%s", captured.get().strip())


def _stage(snapshot: Snapshot) -> str:
    """The folder of the model: its first tag; seeds have none."""
    return snapshot.model.tags[0] if snapshot.is_model and snapshot.model.tags else "seeds"
