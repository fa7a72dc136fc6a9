"""The files of a dataset: a file, a folder or a glob, in an order that never changes."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from python_models.settings import PROJECT_ROOT
from python_models.terminal import UserError

TEXT_ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
KNOWN_ENDINGS = (*TEXT_ENDINGS, *(ending + ".gz" for ending in TEXT_ENDINGS), ".parquet")
WANTED = "TACOS_DATASET must name a file, a folder or a glob of " + ", ".join((*TEXT_ENDINGS, ".parquet")) + " (or .gz)"


class DatasetError(UserError, ValueError):
    """A dataset cannot be read at all: the message says what was wanted, what was found and what to do."""


@dataclass(frozen=True)
class DatasetFile:
    """One file to read.

    Attributes:
        path: where it is now (absolute).
        source_file: its name relative to the dataset's folder, with ``/``; the same on every machine.
        n_bytes: size on disk (compressed if it is compressed).
        modified_at: modification time, UTC, whole seconds.
    """

    path: Path
    source_file: str
    n_bytes: int
    modified_at: datetime


def find_files(dataset: str) -> list[DatasetFile]:
    """Find the files of a dataset.

    Args:
        dataset: a file (of any name: formats are recognised from the content), a folder (searched recursively for
            known endings, hidden files skipped) or a glob (``**`` recursive). A glob that does not name an ending
            itself takes the known endings. Relative paths start at the project's root, as those of all settings.

    Returns:
        The files, sorted by ``source_file``; at least one.

    Raises:
        DatasetError: nothing was found, or a file cannot be read.
    """
    # config.yaml takes a character such as an emoji as two halves, as JSON writes it.
    wanted = dataset.strip().encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if not wanted:
        raise DatasetError(f"{WANTED}, but it is empty. Set it, or unset it to use the bundled dataset.")
    given = Path(wanted).expanduser()
    found = dict(_search(PROJECT_ROOT, given))
    if found:
        return sorted((_describe(path, base) for path, base in found.items()), key=lambda file: file.source_file)
    place = PROJECT_ROOT / given
    if place.is_dir():
        problem = "is a folder without any file of a known ending. Name a file or a glob in it to read other endings"
    elif glob.has_magic(str(given)):
        problem = "matches no file. Check the pattern, and quote it so that the shell leaves it alone"
    else:
        problem = "does not exist. Check the path"
    raise DatasetError(f"{WANTED}. It is {dataset!r}, which {problem} (looked at {place}).")


def _search(root: Path, given: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (file, folder that its name is relative to); nothing if there is none."""
    place = root / given
    if place.is_dir():
        for folder, subfolders, names in os.walk(place):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for name in names:
                if not name.startswith(".") and name.lower().endswith(KNOWN_ENDINGS):
                    yield Path(folder, name), place
    elif place.exists():
        yield place, place.parent
    elif glob.has_magic(str(given)):
        base = given
        while glob.has_magic(str(base)):
            base = base.parent
        any_ending = given.suffix != "" and not glob.has_magic(given.suffix)
        # not Path.glob, which also finds hidden files and reads [ ] in the root's own name as a pattern
        for match in glob.iglob(str(given), root_dir=root, recursive=True):  # noqa: PTH207
            path = root / match
            if not path.is_dir() and (any_ending or path.name.lower().endswith(KNOWN_ENDINGS)):
                yield path, root / base


def _describe(path: Path, base: Path) -> DatasetFile:
    try:
        status = path.stat()
        with path.open("rb"):
            pass
    except OSError as error:
        raise DatasetError(f"{WANTED}, but {path} cannot be read: {error.strerror}. Mend or remove it.") from error
    if not stat.S_ISREG(status.st_mode):
        raise DatasetError(f"{WANTED}, but {path} is not a regular file. Copy its content into a file.")
    # A name that is not UTF-8 could not be stored in a table.
    name = os.fsencode(path.relative_to(base).as_posix()).decode("utf-8", "replace")
    modified_at = datetime.fromtimestamp(int(status.st_mtime), tz=UTC)
    return DatasetFile(path.absolute(), name, status.st_size, modified_at)
