"""Digests of everything that a run reads and does not make: code, packages, settings, the dataset, the day."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from python_models.settings import PROJECT_ROOT, database_path, project_path
from python_models.source.files import find_files
from python_models.source.tables import find_table, is_table, unreadable

Query = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query on the warehouse and returns all rows."""

_LOADED_FOLDERS = (
    "audits",
    "external_models",
    "linter",
    "macros",
    "materializations",
    "models",
    "prompts",
    "python_models",
    "seeds",
    "signals",
)
_LOADED_FILES = ("config.py", "config.yaml", "config.yml", "external_models.yaml", "schema.yaml")
_SETTING = re.compile(r"^(TACOS_|SQLMESH_|OPENAI_BASE_URL$)")
_NAMED_IN_CONFIG = re.compile(r"env_var\(\s*['\"](\w+)['\"]")


def read_inputs(query: Query, dataset: str, models: Sequence[str]) -> dict[str, str]:
    """Digest what a run would read now: a second or two per gigabyte, whatever the dates of the files say.

    Args:
        query: of the warehouse, in which a table of the dataset is.
        dataset: the variable ``dataset`` of the promoted reader.
        models: names of embedded models; where one is the path of a file or a folder, its content counts too.

    Returns:
        What is read, in words -> its digest.

    Raises:
        DatasetError: no file, or one that cannot be read.
        TableError: the setting names no table, or one that cannot be read.
        OSError: a file of the project cannot be read.
    """
    return {
        "the project's files": _digest(_files_below(PROJECT_ROOT)),
        "the installed packages": _digest(_packages()),
        "the settings": _digest(_settings()),
        "the files of the models": _digest(_model_files(models)),
        "the dataset": _digest(_table_rows(query, dataset) if is_table(dataset) else _dataset_files(dataset)),
        "the day": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def content_digest(path: Path) -> str:
    """sha256 (hex) of the bytes of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _digest(parts: Iterable[str]) -> str:
    digest = sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _files_below(root: Path) -> Iterator[str]:
    """Name and content of every file that SQLMesh or a model may load from the project."""
    found = [path for folder in _LOADED_FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    found += [path for name in _LOADED_FILES if (path := root / name).is_file()]
    for path in sorted(found):
        if "__pycache__" not in path.parts:
            yield from (str(path.relative_to(root)), content_digest(path))


def _packages() -> Iterator[str]:
    """The interpreter, and what is installed: the names of the folders that pip leaves hold the versions."""
    yield sys.version
    for entry in sorted({entry for entry in sys.path if Path(entry).is_dir()}):
        yield from sorted(path.name for path in Path(entry).glob("*-info"))


def _settings() -> Iterator[str]:
    """Every environment variable that the configuration or the code may read, and what they name: no secret."""
    config = "".join(
        path.read_text(encoding="utf-8") for name in _LOADED_FILES if (path := PROJECT_ROOT / name).exists()
    )
    named = set(_NAMED_IN_CONFIG.findall(config))
    for name in sorted(name for name in os.environ if _SETTING.match(name) or name in named):
        yield from (name, os.environ[name])
    yield str(database_path())
    user_config = Path.home() / ".sqlmesh"
    for path in sorted(user_config.glob("config.*")):
        yield content_digest(path)


def _model_files(models: Sequence[str]) -> Iterator[str]:
    """Content of the files that the embedded models are read from, if they are the user's own."""
    for path in sorted({project_path(name) for name in models if name}):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (content_digest(file) for file in files if file.is_file())


def _dataset_files(dataset: str) -> Iterator[str]:
    """Name, time and content of every file; of those that are not read, the size instead of the content."""
    seen: dict[Path, str] = {}
    for file in find_files(dataset):
        content = str(file.n_bytes)
        if file.problem is None:
            content = seen[file.path] = seen.get(file.path) or content_digest(file.path)
        yield from (file.source_file, file.modified_at.isoformat(), content)


def _table_rows(query: Query, dataset: str) -> Iterator[str]:
    """Columns of a table of DuckDB, and the digest of its rows in their order, which the numbers of records follow."""
    table = find_table(dataset, None).name.sql(dialect="duckdb", identify=True)
    row = '"a whole row"'  # no column is called so: it would be taken for the row
    digests = f"SELECT MD5_NUMBER_LOWER(CONCAT(ROW_NUMBER() OVER (), ' ', {row}::TEXT)) AS digest FROM {table} AS {row}"  # noqa: S608
    try:
        yield repr(query(f"DESCRIBE {table}"))
        yield repr(query(f"SELECT COUNT(*), SUM(digest)::TEXT FROM ({digests}) AS numbered"))  # noqa: S608
    except Exception as error:  # of the engine's driver
        raise unreadable(dataset, error) from error
