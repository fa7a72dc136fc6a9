"""Digests of the project's own code, so that a plan shows edited logic as a change of the models that use it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def source_digest(*names: str) -> str:
    """Digest of modules or sub-packages of ``python_models``, e.g. ``source_digest("tagging", "llm/replies")``.

    Returns:
        The first 12 hex digits of the sha256 of the sources in the order given; line ends do not count.

    Raises:
        FileNotFoundError: a name is neither a module nor a folder of the package.
    """
    digest = sha256()
    for name in names:
        path = _PACKAGE / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for file in files:
            digest.update(file.relative_to(_PACKAGE).as_posix().encode())
            digest.update(file.read_text(encoding="utf-8").encode())
    return digest.hexdigest()[:12]
