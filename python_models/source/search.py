"""Which paths a dataset's name means: a file, what is in a folder, what a glob matches."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path


def search(root: Path, given: Path) -> Iterator[tuple[Path, Path, bool]]:
    """Yield (file, folder that its name is relative to, whether its ending was named); nothing if there is none."""
    place = root / given
    if place.is_dir():
        for path in _walk(place):
            yield path, place, False
    elif place.exists():
        yield place, place.parent, True
    elif glob.has_magic(str(given)):
        base = given
        while glob.has_magic(str(base)):
            base = base.parent
        is_named = given.suffix != "" and not glob.has_magic(given.suffix)
        # not Path.glob, which also finds hidden files and reads [ ] in the root's own name as a pattern
        for match in glob.iglob(str(given), root_dir=root, recursive=True):  # noqa: PTH207
            path = root / match
            if not path.is_dir():
                yield path, root / base, is_named


def _walk(place: Path) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden, links to folders followed, each folder once."""
    seen = set()
    for folder, subfolders, names in os.walk(place, followlinks=True):
        subfolders.sort()
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder above it, or to one that was read
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
