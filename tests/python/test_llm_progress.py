"""The progress line: plain lines in a log, a live line in a terminal, beside SQLMesh's own display on one console."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from rich.console import Console
from rich.live import Live

from python_models.llm import progress as module
from python_models.llm.progress import Progress
from python_models.settings import PROJECT_ROOT


def advance(progress: Progress, n_items: int) -> None:
    """Count so many answered items."""
    progress.n_done += n_items
    progress.n_calls += n_items
    progress.update(0.5)


def test_the_line_says_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = Progress("tagging", 5_000)
    progress.n_cached, progress.n_done = 1_000, 1_000
    clock[0] += 10
    progress.n_failed = 3
    progress.spent_usd = 0.1234
    progress.n_calls, progress.n_done = 200, 1_200
    assert progress.line() == ("tagging: 1,200/5,000, 20.0 calls/s, 1,000 cached, 3 failed, $0.1234 spent, 32 s left")


def test_a_log_gets_a_plain_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = Progress("tagging", 100)
    for _ in range(25):
        clock[0] += 1
        advance(progress, 4)
    progress.close()
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 3
    assert "\x1b" not in output.err
    assert lines[0].startswith("tagging: 40/100, ")
    assert lines[-1].startswith("tagging: 100/100, ")


def test_a_quick_cached_stage_says_nothing_but_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("tagging", 0).close()
    assert capsys.readouterr().err == ""


def test_beside_sqlmesh_both_lines_are_shown_on_one_console(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr(module, "_sqlmesh_console", lambda: console)
    monkeypatch.setenv("TERM", "xterm")
    with Live("Executing model batches 2/9", console=console, auto_refresh=False) as theirs:
        progress = Progress("tagging", 100)
        time.sleep(0.3)
        advance(progress, 40)
        theirs.refresh()
        last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).rpartition("Executing model batches 2/9")[2]
        assert last.lstrip().startswith("━━━━━━╌╌╌╌╌╌╌╌╌╌ tagging: 40/100"), "the line stands below SQLMesh's"
        progress.say("waiting for the batch")
        progress.close()
        theirs.update("Executing model batches 3/9", refresh=True)
    after = screen.getvalue()
    assert "waiting for the batch" in after
    assert "tagging: 40/100" in after.rpartition("waiting for the batch")[2], "the last counts stay"


@pytest.mark.long
def test_a_terminal_gets_a_live_line_that_ends_as_one_line() -> None:
    code = """
import time
from python_models.llm.progress import Progress
progress = Progress("tagging", 8)
for _ in range(8):
    time.sleep(0.3)
    progress.n_done += 1
    progress.n_calls += 1
    progress.update(None)
progress.close()
"""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        cwd=PROJECT_ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    screen = b""
    while child.poll() is None or select.select([ours], [], [], 0)[0]:
        try:
            screen += os.read(ours, 65_536)
        except OSError:
            break
    assert screen.count(b"tagging: ") >= 5, "the line was not live"
    assert screen.rstrip().split(b"\r\n")[-1].count(b"tagging: 8/8") == 1
