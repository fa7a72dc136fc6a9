"""Which replies of a cache file this process has held against their checksums already.

A run bills in its last minute what it has read before: the bill need not read the texts of all replies once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_SPARE = 2**16


class CheckedRows:
    """Row ids of one file, a byte each."""

    def __init__(self) -> None:
        self._marks = bytearray()

    def add(self, rowid: int) -> None:
        """Note that a row matched its checksum."""
        if rowid >= len(self._marks):
            self._marks.extend(bytes(rowid + _SPARE - len(self._marks)))
        self._marks[rowid] = 1

    def has_all(self, rowids: Iterable[int]) -> bool:
        """Whether all of these rows did."""
        n_known = len(self._marks)
        return all(rowid < n_known and self._marks[rowid] for rowid in rowids)


_of_files: dict[tuple[Path, int, int], CheckedRows] = {}


def checked_rows(path: Path) -> CheckedRows:
    """Those of a cache file in this process; another file in its place has none."""
    status = path.stat()
    return _of_files.setdefault((path.resolve(), status.st_dev, status.st_ino), CheckedRows())
