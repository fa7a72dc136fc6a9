"""Bytes of a file as plain UTF-8: unpacked, UTF-16 and UTF-32 recoded, a broken end remembered, not raised."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import Any

import pyarrow as pa

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
COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
# What the unpackers raise for data that is cut or damaged; an OSError of the disk has an errno, theirs has none.
DATA_ERRORS = (EOFError, zlib.error, lzma.LZMAError, OSError, zipfile.BadZipFile, tarfile.TarError, pa.ArrowException)


class ByteSource(io.RawIOBase):
    """A file as a raw stream of UTF-8 bytes. Wrap it with ``open_bytes``.

    A truncated or damaged file ends where it breaks, so that what was readable is kept; ``broken`` then says where
    (bytes after unpacking). Lone UTF-16 surrogates come out as bytes that are not UTF-8, for the reader of the record
    to refuse. OSErrors of the disk are raised.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        """Read from ``file``; compression and encoding are recognised by the first bytes."""
        self.broken: str | None = None
        self.n_read = 0
        self.is_packed = False
        self._file = file
        self._input: Any = file
        self._at_end = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._kind = "zip"
        self._waiting = b""
        self._open_input()
        self.look(4)
        for mark, marked in BYTE_ORDER_MARKS:
            if self._waiting.startswith(mark):
                self._decoder = codecs.getincrementaldecoder(marked)("surrogatepass")
                self._waiting = self._recode(self._waiting)
                break
        if self._decoder is None and (encoding := _guess_encoding(self._waiting[:4])):
            self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
            self._waiting = self._recode(self._waiting)
        self._waiting = self._waiting.removeprefix(codecs.BOM_UTF8)

    def look(self, size: int) -> bytes:
        """Give the next ``size`` bytes without reading over them; fewer at the end."""
        while len(self._waiting) < size and not self._at_end:
            self._waiting += self._recode(self._read_input(CHUNK_BYTES))
        return self._waiting[:size]

    def readable(self) -> bool:
        """Say that this stream is for reading."""
        return True

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; 0 at the end of what can be read."""
        while not self._waiting and not self._at_end:
            self._waiting = self._recode(self._read_input(len(buffer)))
        n = min(len(buffer), len(self._waiting))
        buffer[:n] = self._waiting[:n]
        self._waiting = self._waiting[n:]
        self.n_read += n
        return n

    def _open_input(self) -> None:
        try:
            start = self._file.peek(6)
        except DATA_ERRORS as error:
            self._break(error)
            return
        self._kind = next((kind for magic, kind in COMPRESSIONS.items() if start.startswith(magic)), "zip")
        self.is_packed = self._kind != "zip"
        if self._kind == "gzip":
            self._input = gzip.GzipFile(fileobj=self._file)
        elif self._kind == "bzip2":
            self._input = bz2.BZ2File(self._file)
        elif self._kind == "xz":
            self._input = lzma.LZMAFile(self._file)  # noqa: SIM115
        elif self.is_packed:
            self._input = pa.CompressedInputStream(self._file, self._kind)

    def _read_input(self, size: int) -> bytes:
        """Read at most ``size`` bytes; an error in the data is remembered as the end."""
        try:
            # read1, because read() would throw away what it has unpacked before the error
            chunk = self._input.read(size) if self._kind in ("zstd", "lz4") else self._input.read1(size)
        except DATA_ERRORS as error:
            self._break(error)
            chunk = b""
        self._at_end = not chunk
        return bytes(chunk)

    def _break(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        is_cut = isinstance(error, EOFError) or "truncated" in str(error).lower() or "end-of-stream" in str(error)
        self.broken = f"{self._kind} data {'truncated' if is_cut else 'damaged'}"
        self._at_end = True

    def _recode(self, chunk: bytes) -> bytes:
        if self._decoder is None:
            return chunk
        try:
            return self._decoder.decode(chunk, final=self._at_end).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            self.broken = self.broken or f"not {error.encoding}: {error.reason}"
            self._at_end = True
            return b""


def _guess_encoding(start: bytes) -> str | None:
    """Recognise UTF-16 and UTF-32 without a mark by the zeros of ASCII characters, as RFC 4627 says of JSON."""
    zeros = "".join("0" if byte == 0 else "x" for byte in start)
    return {"x0x0": "utf-16-le", "0x0x": "utf-16-be", "x000": "utf-32-le", "000x": "utf-32-be"}.get(zeros)


def open_bytes(file: io.BufferedReader) -> tuple[io.BufferedReader, ByteSource]:
    """Open a file as buffered UTF-8 bytes, with the source whose ``broken`` is known at the end."""
    source = ByteSource(file)
    return io.BufferedReader(source, CHUNK_BYTES), source
