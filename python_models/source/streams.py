"""Bytes of a file as plain UTF-8: gzip unpacked, UTF-16 and UTF-32 recoded, a broken end remembered, not raised."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
MAX_RECORD_BYTES = 64 << 20
# What is kept of a record that is too long: enough to recognise it.
KEPT_BYTES = 64 << 10
# UTF-32 first: its little-endian mark begins with the one of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class ByteSource(io.RawIOBase):
    """A file as a raw stream of UTF-8 bytes. Wrap it with ``open_bytes``.

    A truncated or damaged gzip file ends where it breaks, so that what was readable is kept; ``broken`` then says
    where (bytes after unpacking). Lone UTF-16 surrogates come out as bytes that are not UTF-8, for the reader of the
    record to refuse. OSErrors of the disk are raised.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``; compression and encoding are recognised by their first bytes."""
        self.broken: str | None = None
        self.n_read = 0
        self._file: BinaryIO = path.open("rb")
        self._input: BinaryIO = self._file
        start = self._file.read(2)
        self._file.seek(0)
        if start == b"\x1f\x8b":
            self._input = gzip.GzipFile(fileobj=self._file)  # type: ignore[assignment]
        self._at_end = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._waiting = b""
        while len(self._waiting) < 4 and not self._at_end:
            self._waiting += self._read_input(CHUNK_BYTES)
        for mark, encoding in BYTE_ORDER_MARKS:
            if self._waiting.startswith(mark):
                self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
                self._waiting = self._recode(self._waiting)
                break
        self._waiting = self._waiting.removeprefix(codecs.BOM_UTF8)

    def readable(self) -> bool:
        """Say that this stream is for reading."""
        return True

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; 0 at the end of what can be read."""
        while not self._waiting and not self._at_end:
            self._waiting = self._recode(self._read_input(len(buffer)))
        n = min(len(buffer), len(self._waiting))
        buffer[:n] = self._waiting[:n]
        self._waiting = self._waiting[n:]
        self.n_read += n
        return n

    def _read_input(self, size: int) -> bytes:
        """Read at most ``size`` bytes; a gzip error is remembered as the end."""
        try:
            # read1, because read() would throw away what it has unpacked before the error
            chunk = self._input.read1(size)  # type: ignore[attr-defined]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.broken = f"gzip data {'truncated' if isinstance(error, EOFError) else 'damaged'}"
            chunk = b""
        self._at_end = not chunk
        return bytes(chunk)

    def _recode(self, chunk: bytes) -> bytes:
        if self._decoder is None:
            return chunk
        try:
            return self._decoder.decode(chunk, final=self._at_end).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            self.broken = self.broken or f"not {error.encoding}: {error.reason}"
            self._at_end = True
            return b""


def open_bytes(path: Path) -> tuple[io.BufferedReader, ByteSource]:
    """Open a file as buffered UTF-8 bytes, with the source whose ``broken`` is known at the end."""
    source = ByteSource(path)
    return io.BufferedReader(source, CHUNK_BYTES), source
