"""Lines of JSON that are whole by themselves, and objects over several lines: nearly all of nearly every file."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from typing import Any

from python_models.source.salvage import BLANK
from python_models.source.streams import KEPT_BYTES, MAX_RECORD_BYTES
from python_models.source.texts import read_json

MAX_PART = 1 << 20
# An object over several lines is looked for in so many bytes.
MAX_BLOCK = 256 << 10


class Lines:
    """The lines of a stream, of which some may be looked at before they are taken.

    Attributes:
        n_read: bytes taken so far; what a block or a long line has beyond its first part is counted here.
        is_line_start: whether the next part begins a line.
    """

    def __init__(self, stream: io.BufferedReader, n_before: int) -> None:
        """Begin at the start of ``stream``, which has ``n_before`` bytes of its file before it."""
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self._no_block_before = 0
        self.n_read = n_before
        self.is_line_start = True

    def take(self) -> bytes:
        """Take the next line, or a part of a long one; empty at the end."""
        return self._ahead.popleft() if self._ahead else self._stream.readline(MAX_PART)

    def take_block(self, first: bytes) -> Any:
        """Take the lines of an object up to the bracket that is indented as its first; None if they are no object."""
        if self.n_read < self._no_block_before:
            return None
        end = first[: first.index(b"{")] + b"}"
        lines, n_bytes = [first], len(first)
        while n_bytes < MAX_BLOCK and (line := self.take()):
            lines.append(line)
            n_bytes += len(line)
            if line.startswith(end):
                value, error = read_json(b"".join(lines).strip(BLANK).removesuffix(b","))
                if error is None:
                    self.n_read += n_bytes - len(first)
                    self.is_line_start = line.endswith(b"\n")
                    return value
                break
        # So that no line is looked at more than twice.
        self._no_block_before = self.n_read + n_bytes
        self._ahead.extendleft(reversed(lines[1:]))
        return None

    def take_long(self, part: bytes) -> tuple[bytes, bool]:
        """Take the rest of a line that begins with ``part``: its text, and whether it is too long to be kept whole."""
        digest, n_bytes, text = hashlib.md5(part, usedforsecurity=False), len(part), bytearray(part)
        n_counted = len(part)  # by the caller
        while not part.endswith(b"\n") and (part := self.take()):
            digest.update(part)
            n_bytes += len(part)
            text += part if n_bytes <= MAX_RECORD_BYTES else b""
        self.n_read += n_bytes - n_counted
        self.is_line_start = True
        if n_bytes <= MAX_RECORD_BYTES:
            return bytes(text), False
        # The digest tells such lines apart.
        return b"%s ... (%d bytes, md5 %s)" % (text[:KEPT_BYTES], n_bytes, digest.hexdigest().encode()), True
