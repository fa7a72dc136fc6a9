"""A warehouse that cannot be opened is told in a line, by `sqlmesh plan` too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long


def loaded_macros(database: Path) -> subprocess.CompletedProcess[str]:
    """What becomes of a process that loads the macros, as `sqlmesh plan` does before it opens the warehouse."""
    return subprocess.run(
        [sys.executable, "-c", "import macros.settings"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"TACOS_DATABASE": str(database)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["held by a reader", "folder", "no database"])
def test_a_warehouse_that_cannot_be_opened_is_told_in_a_line(tmp_path: Path, kind: str) -> None:
    database = tmp_path / "w.duckdb"
    reader = None
    if kind == "held by a reader":
        duckdb.connect(str(database)).close()
        reader = duckdb.connect(str(database), read_only=True)
    elif kind == "folder":
        database.mkdir()
    else:
        database.write_bytes(b"something else " * 1_000)
    loaded = loaded_macros(database)
    if reader is not None:
        reader.close()
    assert loaded.returncode == 1
    assert "Traceback" not in loaded.stderr
    assert str(database) in loaded.stderr
    assert ("is open in another process" in loaded.stderr) == (kind == "held by a reader")


def test_a_free_warehouse_is_left_alone(tmp_path: Path) -> None:
    assert loaded_macros(tmp_path / "none.duckdb").returncode == 0
    assert not (tmp_path / "none.duckdb").exists()
