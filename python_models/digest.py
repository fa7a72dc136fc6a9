"""Digests of the project's own code, so that a plan shows edited logic as a change of the models that use it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

_HOW_NOT_WHAT = ("settings", "staging", "spark", "digest", "terminal", "llm", "embedded/server", "embedded/serve")
"""Modules and rooms that decide how the work is done and nothing of what comes out: an edit rebuilds nothing ..."""

_WHAT_OF_LLM = (
    "llm/replies",
    "llm/answer_text",
    "llm/reasoning",
    "llm/invalid_reply",
    "llm/effort",
    "llm/fence",
    "llm/request",
)
"""... but for what is asked and how a reply is read."""


def source_digest(*names: str) -> str:
    """Digest of modules or rooms of ``python_models``, e.g. ``"judging/pairs"``, and of all that they import from it.

    Imports are followed wherever they stand in a module, except into what decides only how the work is done (the
    engine, the cache, settings): a rule that moves into a module of its own is still part of the digest.

    Returns:
        The first 12 hex digits of the sha256 of the sources, in the order of their names; line ends do not count.

    Raises:
        FileNotFoundError: a name is neither a module nor a folder of the package.
    """
    digest = sha256()
    for file in sorted(covered_modules(*names)):
        digest.update(file.encode())
        digest.update((_PACKAGE / file).read_text(encoding="utf-8").encode())
    return digest.hexdigest()[:12]


def covered_modules(*names: str) -> set[str]:
    """Files that ``source_digest`` covers, relative to the package, e.g. ``judging/pairs.py``."""
    waiting = [file for name in names for file in _files_of(name)]
    covered: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file not in covered:
            covered.add(file)
            waiting += [module for module in _imports_of(file) if _decides_what(module)]
    return covered


def _files_of(name: str) -> list[str]:
    path = _PACKAGE / name
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return [file.relative_to(_PACKAGE).as_posix() for file in files]


def _decides_what(file: str) -> bool:
    name = file.removesuffix(".py")
    return name in _WHAT_OF_LLM or not any(name == how or name.startswith(f"{how}/") for how in _HOW_NOT_WHAT)


@cache
def _imports_of(file: str) -> tuple[str, ...]:
    """Files of the package that a file imports, wherever in it."""
    tree = ast.parse((_PACKAGE / file).read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(path for name in _imported_names(tree) if (path := _path_of(name))))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _path_of(name: str) -> str | None:
    package, _, module = name.partition(".")
    path = f"{module.replace('.', '/')}.py"
    return path if package == _PACKAGE.name and module and (_PACKAGE / path).is_file() else None
