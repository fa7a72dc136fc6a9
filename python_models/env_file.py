"""Settings that stick: the file ``.env`` in the project's root, or the one that ``SQLMESH_DOTENV_PATH`` names."""

from __future__ import annotations

import os
from pathlib import Path

from python_models.settings import SettingError, project_path

_YES = {"1", "true", "t", "yes", "y"}
"""What makes python-dotenv read no file, by its own words."""


def load_env_file() -> list[str]:
    """Read the file as SQLMesh does: it wins over the shell.

    Returns:
        Names that were set to something else before, and no longer are.

    Raises:
        SettingError: it cannot be read (see ``check_env_file``).
    """
    from dotenv import dotenv_values, load_dotenv

    check_env_file()
    path = _path()
    before = {name: os.environ[name] for name in dotenv_values(path) if name in os.environ} if path.is_file() else {}
    if not path.is_file() or not load_dotenv(path, override=True):
        return []
    return sorted(name for name, value in before.items() if os.environ[name] != value)


def check_env_file() -> None:
    """See that every line of the file can be read: a spending limit that is skipped would be no limit.

    Raises:
        SettingError: names the lines that cannot be read, or says why the whole file cannot.
    """
    from dotenv.parser import parse_stream

    path = _path()
    if not path.is_file() or os.environ.get("PYTHON_DOTENV_DISABLED", "").casefold() in _YES:
        return
    try:
        with path.open(encoding="utf-8") as file:
            lines = [binding.original.line for binding in parse_stream(file) if binding.error]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read ({error}). It must be a text file in UTF-8.") from None
    if lines:
        where = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines))}"
        raise SettingError(f"{path}, {where}: wanted NAME=value, with every quote closed. Nothing was done.")


def _path() -> Path:
    given = os.environ.get("SQLMESH_DOTENV_PATH", "").strip()
    return Path(given) if given else project_path(".env")
