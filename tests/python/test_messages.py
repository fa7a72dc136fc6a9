"""What a user can mend is said in a few lines: what happened, which file or variable, and what to do; no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

TACOS = (sys.executable, "-c", "import sys; from python_models.cli import main; sys.exit(main())")
# A folder on a disk of a size of its own, as only root may make one: here, root of a namespace of its own.
ON_A_DISK_OF = 'mount -t tmpfs -o size="$0" none "$1" && shift && exec "$@"'


def tacos(folder: Path, *arguments: str, disk: str | None = None, **variables: str) -> str:
    """Run the command, which has to fail, with a warehouse and a cache in a folder; what it says at the end."""
    places = {"TACOS_DATABASE": str(folder / "w.duckdb"), "TACOS_CACHE": str(folder / "cache.sqlite")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TACOS_", "OPENAI_"))}
    command = [*TACOS, *arguments]
    if disk is not None:
        command = [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            ON_A_DISK_OF,
            disk,
            str(folder),
            *command,
        ]
    done = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env=kept | places | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith(f"tacos {arguments[0]}: ")
    return done.stderr


def test_a_warehouse_that_another_program_holds(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")):
        said = tacos(tmp_path, "run")
        assert f"{tmp_path / 'w.duckdb'} is open in another process" in said
        assert "Close the notebook, SQL client or other run" in said
        assert "Close the notebook" in tacos(tmp_path, "export", str(tmp_path / "kept.jsonl"))


def test_a_dataset_that_is_not_there(tmp_path: Path) -> None:
    said = tacos(tmp_path, "run", TACOS_DATASET=str(tmp_path / "none.jsonl"))
    assert "TACOS_DATASET must name a file, a folder or a glob" in said
    assert f"'{tmp_path / 'none.jsonl'}', which does not exist. Check the path" in said


def test_a_folder_without_a_file_to_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = tacos(tmp_path, "run", TACOS_DATASET=str(tmp_path / "empty"))
    assert "TACOS_DATASET" in said
    assert "a folder without any file of a known ending. Name a file or a glob" in said


def test_a_dataset_without_a_usable_record(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"title": "x"}\n{"text": "y"}\n{"title": "z"}\n', encoding="utf-8")
    said = tacos(tmp_path, "run", TACOS_DATASET=str(tmp_path / "data.jsonl"))
    assert "TACOS_DATASET" in said
    assert "data.jsonl" in said
    assert "2 x unknown format: keys title" in said
    assert "set the variable column_mapping" in said


def test_a_gateway_that_there_is_not(tmp_path: Path) -> None:
    said = tacos(tmp_path, "run", TACOS_GATEWAY="opnai")
    assert "TACOS_GATEWAY must be local, openai or spark, but it is 'opnai'" in said


def test_a_key_that_is_missing(tmp_path: Path) -> None:
    said = tacos(tmp_path, "run", TACOS_GATEWAY="openai")
    assert "OPENAI_API_KEY is not set" in said
    assert "TACOS_GATEWAY=local" in said


def can_make_disks() -> bool:
    """Whether this machine lets a process have a namespace, and a disk, of its own."""
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ON_A_DISK_OF, "64k", "/mnt", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not can_make_disks(), reason="no unprivileged mounts here")
@pytest.mark.parametrize("disk", ["400k", "1m"])
def test_a_disk_without_space(tmp_path: Path, disk: str) -> None:
    """Too small for SQLMesh's own tables, and for the first of the project's: DuckDB says it in two ways."""
    said = tacos(tmp_path, "run", disk=disk)
    assert "There is no space left on a disk" in said
    assert str(tmp_path / "w.duckdb") in said
    assert "TACOS_DATABASE" in said
    assert "run again" in said


@pytest.mark.parametrize("command", ["report", "export"])
def test_a_command_before_the_first_run(tmp_path: Path, command: str) -> None:
    said = tacos(tmp_path, command, str(tmp_path / "file"))
    assert f"There is no warehouse at {tmp_path / 'w.duckdb'} yet. Make one: make run" in said
