"""The files of a dataset: a file, a folder or a glob, in an order that never changes; or the one table that it is."""

from __future__ import annotations

import glob
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from python_models.settings import PROJECT_ROOT
from python_models.source.addresses import how_to_fetch
from python_models.source.archives import (
    ARCHIVE_ENDINGS,
    ArchiveError,
    is_archive,
    list_members,
    open_member,
)
from python_models.source.search import search
from python_models.source.tables import PREFIX, DatasetTable, QueryReader, find_table, is_table
from python_models.terminal import UserError

TEXT_ENDINGS = (".json", ".jsonl", ".jsonlines", ".ndjson", ".csv", ".tsv")
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".lz4")
TABLE_ENDINGS = (".parquet", ".arrow", ".feather")
FILE_ENDINGS = (*TEXT_ENDINGS, *(text + packed for text in TEXT_ENDINGS for packed in PACKED_ENDINGS), *TABLE_ENDINGS)
KNOWN_ENDINGS = (*FILE_ENDINGS, *ARCHIVE_ENDINGS)
# What Hugging Face's libraries and LLaMA-Factory write beside the data of a dataset.
DESCRIPTIONS = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
WANTED = (
    f"TACOS_DATASET must name a file, a folder or a glob of {', '.join((*TEXT_ENDINGS, *TABLE_ENDINGS))}, plain or "
    f"packed ({', '.join((*PACKED_ENDINGS, '.zip', '.tar'))}), or a table ({PREFIX}schema.name)"
)


class DatasetError(UserError, ValueError):
    """A dataset cannot be read at all: the message says what was wanted, what was found and what to do."""


@dataclass(frozen=True)
class DatasetFile:
    """One file of a dataset.

    Attributes:
        path: where it is now (absolute); of a file in an archive, where the archive is.
        source_file: its name relative to the dataset's folder, with ``/``; the same on every machine. A file in an
            archive is named like one in a folder.
        n_bytes: size on disk (compressed if it is compressed); of a file in an archive, after unpacking.
        modified_at: modification time, UTC, whole seconds.
        member: its name in the archive, None if it is in none.
        problem: why it is not read: it is not data as far as its name says; None if it is read.
        error: why a file that ought to be read cannot be (a damaged archive); it counts as one damaged record.
        table: what is read in the place of a file, whose path, size and time then mean nothing; None for a file.
    """

    path: Path
    source_file: str
    n_bytes: int
    modified_at: datetime
    member: str | None = None
    problem: str | None = None
    error: str | None = None
    table: DatasetTable | None = None

    def open(self) -> io.BufferedReader:
        """Open it for reading bytes.

        Raises:
            ArchiveError: it cannot be read from its archive.
        """
        return self.path.open("rb") if self.member is None else open_member(self.path, self.member)


def find_files(dataset: str, read: QueryReader | None = None) -> list[DatasetFile]:
    """Find the files of a dataset.

    Args:
        dataset: a file (of any name: formats are recognised from the content), a folder (searched recursively, links
            to folders too; hidden files skipped) or a glob (``**`` recursive). In a folder, and by a glob that does
            not name an ending itself, files of other than the known endings are found but not read. Relative paths
            start at the project's root, as those of all settings. Or ``table:schema.name``, a table or view.
        read: what reads a table; where there is None, only its name is looked at.

    Returns:
        The files, sorted by ``source_file``, those in archives too; at least one that is read.

    Raises:
        DatasetError: nothing was found, or a file cannot be read.
        TableError: there is no such table, or it cannot be one of a dataset.
    """
    if is_table(dataset):
        table = find_table(dataset, read)
        return [DatasetFile(Path(), table.source_file, 0, datetime.fromtimestamp(0, tz=UTC), table=table)]
    # config.yaml takes a character such as an emoji as two halves, as JSON writes it.
    wanted = dataset.strip().encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if not wanted:
        raise DatasetError(f"{WANTED}, but it is empty. Set it, or unset it to use the bundled dataset.")
    if way := how_to_fetch(wanted):
        raise DatasetError(
            f"{WANTED}. It is {dataset!r}, an address, from which nothing is read. Fetch it first ({way}), or name a "
            "table that the warehouse makes of it."
        )
    given = Path(wanted).expanduser()
    found = {path: (base, is_named) for path, base, is_named in search(PROJECT_ROOT, given)}
    files = [file for path, (base, is_named) in found.items() for file in _describe(path, base, is_named)]
    if any(file.problem is None for file in files):
        return sorted(files, key=lambda file: file.source_file)
    place = PROJECT_ROOT / given
    if place.is_dir():
        problem = "is a folder without any file of a known ending. Name a file or a glob in it to read other endings"
    elif glob.has_magic(str(given)):
        problem = "matches no file. Check the pattern, and quote it so that the shell leaves it alone"
    elif place.exists():
        problem = "is an archive without any file of a known ending. Unpack it"
    else:
        problem = "does not exist. Check the path"
    raise DatasetError(f"{WANTED}. It is {dataset!r}, which {problem} (looked at {place}).")


def _is_hidden(part: str) -> bool:
    """Say whether a file or folder of an archive is no data; ``..`` is a way to one, and nothing is unpacked there."""
    return (part.startswith(".") and part != "..") or part == "__MACOSX"


def _describe(path: Path, base: Path, is_named: bool) -> Iterator[DatasetFile]:
    """Yield one file, or the files of an archive."""
    # A name that is not UTF-8 could not be stored in a table.
    name = os.fsencode(path.relative_to(base).as_posix()).decode("utf-8", "replace")
    problem = None if is_named else _find_problem(path.name, KNOWN_ENDINGS)
    try:
        status = path.stat()
        if problem is None and not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            if is_named:
                raise DatasetError(f"{WANTED}, but {path} is not a regular file. Copy its content into a file.")
            problem = "not read: it is not a regular file"
        if problem is None:
            with path.open("rb"):
                pass
    except OSError as error:
        if problem is not None:
            yield DatasetFile(path.absolute(), name, 0, datetime.fromtimestamp(0, tz=UTC), problem=problem)
            return
        raise DatasetError(f"{WANTED}, but {path} cannot be read: {error.strerror}. Mend or remove it.") from error
    modified_at = datetime.fromtimestamp(int(status.st_mtime), tz=UTC)
    file = DatasetFile(path.absolute(), name, status.st_size, modified_at, problem=problem)
    if problem is None and is_archive(path):
        yield from _unfold(file)
    else:
        yield file


def _unfold(archive: DatasetFile) -> Iterator[DatasetFile]:
    try:
        members = list_members(archive.path)
    except ArchiveError as error:
        yield replace(archive, error=f"unreadable archive: {error}")
        return
    for member in members:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if parts and not any(_is_hidden(part) for part in parts):
            yield replace(
                archive,
                source_file="/".join((archive.source_file, *parts)).encode("utf-8", "replace").decode(),
                n_bytes=member.n_bytes,
                member=member.name,
                problem=_find_problem(parts[-1], FILE_ENDINGS),
            )


def _find_problem(name: str, endings: tuple[str, ...]) -> str | None:
    lower = name.lower()
    if lower in DESCRIPTIONS:
        return "not read: it describes a dataset, it holds no records"
    if lower.endswith(endings):
        return None
    if lower.endswith(ARCHIVE_ENDINGS):
        return "not read: an archive inside an archive; unpack it"
    ending = Path(lower).suffix
    what = f"its ending {ending} is" if ending else "it has no ending, thus"
    return f"not read: {what} none of those of data files; name the file itself to read it, whatever it is called"
