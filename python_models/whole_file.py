"""Writing a file so that it is there as a whole, or as it was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path, *, is_kept: bool = True) -> Iterator[Path]:
    """A path beside ``path`` to write to; the file moves to its place at the end, and goes if anything is raised.

    Args:
        path: where the file is to be.
        is_kept: False for a file on the way to another, which goes at the end in any case.

    Raises:
        OSError: it cannot be moved.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if is_kept:
            partial.replace(path)
    finally:
        with suppress(OSError):  # the folder may not be there, or not to be written
            partial.unlink(missing_ok=True)
