"""Imports go one way: models -> cli, stage rooms -> embedded -> llm, source -> settings. Nothing reaches upward."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from python_models.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "python_models"
STAGES = ("tagging", "normalization", "clustering", "judging", "selection", "diagnostics")
FOUNDATIONS = {
    "terminal": set(),
    "digest": set(),
    "shard": set(),
    "settings": {"shard", "terminal"},
    "variables": {"settings", "terminal"},
    "variable_rules": {"settings", "terminal"},
    "prompts": {"settings", "terminal", "variables"},
    "engine_connection": set(),
    "env_file": {"settings"},
    "environments": set(),
    "execution": set(),
    "loading": {"settings"},
    "portable": set(),
    "spark": {"settings"},
    "staging": {"settings", "spark"},
    "stale_children": set(),
    "whole_file": set(),
}
"""Loose modules that every room may use, and what they may use themselves."""

BELOW: dict[str, set[str]] = {
    **FOUNDATIONS,
    "source": {*FOUNDATIONS},
    "llm": {*FOUNDATIONS},
    "embedded": {*FOUNDATIONS, "llm"},
    **{stage: {*FOUNDATIONS, "llm", "embedded"} for stage in STAGES},
    "report": {*FOUNDATIONS, "embedded"},
    "export": {*FOUNDATIONS, "source"},
    "last_run": {*FOUNDATIONS, "source", "llm"},
    "cli": {*FOUNDATIONS, "source", "llm", "embedded", *STAGES, "report", "export", "last_run"},
}
"""What each room of ``python_models`` may import, beside itself."""


def imported_modules(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively: write the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def upward_imports(package: Path) -> list[str]:
    """What rooms of the package import from rooms above them, one sentence each."""
    found = []
    for file in sorted(package.rglob("*.py")):
        path = file.relative_to(package)
        room = path.parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        rooms = {name.split(".")[1] for name in imported_modules(file) if name.startswith("python_models.")}
        found += [f"{path.as_posix()} imports {other}" for other in sorted(rooms - BELOW[room] - {room})]
        if any(name.split(".")[0] in {"models", "macros", "tests", "bench"} for name in imported_modules(file)):
            found.append(f"{path.as_posix()} imports what only uses it")
    return found


def test_no_room_reaches_upward() -> None:
    assert upward_imports(PACKAGE) == []


def test_every_room_has_a_place_and_says_what_lives_there() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__"} == set(BELOW)
    for folder in {file.parent for file in PACKAGE.rglob("*.py")} - {PACKAGE}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder


@pytest.mark.parametrize(
    ("room", "line", "complaint"),
    [
        ("llm/engine.py", "from python_models.judging.pairs import judge_pairs", "llm/engine.py imports judging"),
        ("source/files.py", "import python_models.llm.engine", "source/files.py imports llm"),
        ("tagging/replies.py", "from python_models import cli", "tagging/replies.py imports cli"),
        ("judging/pairs.py", "from python_models.tagging.options import EMBEDDED", "judging/pairs.py imports tagging"),
    ],
)
def test_a_room_that_reaches_upward_is_named(tmp_path: Path, room: str, line: str, complaint: str) -> None:
    file = tmp_path / room
    file.parent.mkdir(parents=True)
    file.write_text(f"def late():\n    {line}\n", encoding="utf-8")
    assert upward_imports(tmp_path) == [complaint]
