"""Files inside zip and tar archives, each read as a file of its own."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, cast

import pyarrow as pa

PACKED_TAR_ENDINGS = {".tar.zst": "zstd", ".tzst": "zstd", ".tar.lz4": "lz4"}
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", *PACKED_TAR_ENDINGS)
ARCHIVE_ENDINGS = (".zip", *TAR_ENDINGS)
ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    pa.ArrowException,
)


class ArchiveError(ValueError):
    """An archive, or a file in it, cannot be read; the message says why."""


class Member(NamedTuple):
    """A file in an archive: its name there, and its size after unpacking in bytes."""

    name: str
    n_bytes: int


def is_archive(path: Path) -> bool:
    """Say whether a file is an archive: by its first bytes (zip) or its ending (tar, packed in any way)."""
    if path.name.lower().endswith(ARCHIVE_ENDINGS):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def list_members(path: Path) -> list[Member]:
    """List the files in an archive, in its order.

    Raises:
        ArchiveError: it is damaged, or not the kind of archive its name says.
    """
    try:
        if _is_tar(path):
            members = _open_tar(path).getmembers()
            return [Member(member.name, member.size) for member in members if member.isfile()]
        with zipfile.ZipFile(path) as archive:
            return [Member(info.filename, info.file_size) for info in archive.infolist() if not info.is_dir()]
    except ARCHIVE_ERRORS as error:
        raise ArchiveError(_reason(error)) from error


def open_member(path: Path, name: str) -> io.BufferedReader:
    """Open a file in an archive for reading bytes.

    Raises:
        ArchiveError: it is encrypted, packed in a way that the standard library does not know, or damaged.
    """
    try:
        if _is_tar(path):
            return cast("io.BufferedReader", _open_tar(path).extractfile(name))
        return io.BufferedReader(cast("io.RawIOBase", _ZipMember(path, name)))
    except ARCHIVE_ERRORS as error:
        raise ArchiveError(_reason(error)) from error


class _ZipMember(io.RawIOBase):
    """A file in a zip archive that closes the archive with it."""

    def __init__(self, path: Path, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        self._file = self._archive.open(name)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = cast("io.BufferedReader", self._file).read1(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._file.close()
        self._archive.close()
        super().close()


def _is_tar(path: Path) -> bool:
    return path.name.lower().endswith(TAR_ENDINGS)


def _open_tar(path: Path) -> tarfile.TarFile:
    return _open_tar_once(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _open_tar_once(path: Path, modified_at: int) -> tarfile.TarFile:  # noqa: ARG001
    """One archive stays open: its members are read one after the other, and a packed tar can only be read forwards."""
    packing = next((how for ending, how in PACKED_TAR_ENDINGS.items() if path.name.lower().endswith(ending)), None)
    if packing is None:
        return tarfile.open(path)
    # pyarrow unpacks these, but only forwards, and the files are read in the order of their names.
    unpacked = tempfile.TemporaryFile(prefix="tacos-")  # noqa: SIM115
    with path.open("rb") as file, pa.CompressedInputStream(file, packing) as stream:
        shutil.copyfileobj(stream, unpacked, 1 << 20)
    unpacked.seek(0)
    return tarfile.open(fileobj=unpacked)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
