"""``tacos run`` tells of stages; what SQLMesh says of every table is in its log, and what goes wrong is always said."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console
from sqlmesh import Context
from sqlmesh.core.environment import EnvironmentNamingInfo

from python_models.cli.console import QuietConsole

SOURCE = ("tacos.samples", "tacos.rejected_records")
OTHERS = ("tacos.raw_tags",)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(screen: io.StringIO) -> QuietConsole:
    return QuietConsole(console=Console(file=screen, width=80))


def test_a_stage_is_one_line_when_its_last_table_is_done(
    console: QuietConsole, screen: io.StringIO, project: Context, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = [project.get_snapshot(name, raise_if_missing=True) for name in (*SOURCE, *OTHERS)]
    caplog.set_level(logging.INFO)
    console.start_evaluation_progress({one: [(0, 1)] for one in snapshots}, EnvironmentNamingInfo(), None)
    for snapshot in snapshots[:2]:
        assert "source" not in screen.getvalue()
        console.start_snapshot_evaluation_progress(snapshot)
        console.update_snapshot_evaluation_progress(snapshot, (0, 1), 0, 1_500, 2, 0)
    console.stop_evaluation_progress()
    (line,) = [line for line in screen.getvalue().splitlines() if "source" in line]
    assert line.split() == ["✔", "source", "2", "tables", "3.0", "s"]
    assert "tacos" not in screen.getvalue()
    assert "tagging" not in screen.getvalue(), "a stage that is not done is not said to be"
    assert "rejected_records" in caplog.text


def test_warnings_and_errors_are_said_aloud_and_the_rest_is_logged(
    console: QuietConsole, screen: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    console.log_success("all is well")
    console.log_status_update("a detail")
    assert screen.getvalue() == ""
    assert "all is well" in caplog.text
    assert "a detail" in caplog.text
    console.log_warning("look here")
    console.log_error("this broke")
    console.log_skipped_models({"a", "b"})
    for said in ("look here", "this broke", "2 models that come after it were not run."):
        assert said in screen.getvalue()
