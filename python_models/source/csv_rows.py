"""Rows of CSV and TSV files with a header line, in bounded memory.

Strict about quotes: a row that can be read in more than one way is an error, never a guess, and what belongs to a
damaged row is no row of its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator

from python_models.source.doubled import find_doubled, make_row
from python_models.source.names import KNOWN_FIELDS
from python_models.source.pieces import Piece
from python_models.source.streams import KEPT_BYTES, ByteSource

DELIMITERS = (",", "\t", ";", "|")
QUOTED = re.compile(r'"(?:[^"]|"")*"')
# The first line by which Excel names the delimiter.
HINT = re.compile(r"sep=([,;\t|])\s*(?:\r|\n|$)")
# Lines looked at after a damaged row, to find where the next one begins.
MAX_AHEAD = 200
# So many lines with all columns each are rows, not the text of one.
SURE_ROWS = 10


class RowTooLongError(ValueError):
    """A row goes on for longer than a record may, which is nearly always a quote that is never closed."""


def sniff_delimiter(head: bytes) -> str:
    """Find the delimiter that splits the header line into the most known names, else into the most names.

    (``csv.Sniffer`` guesses from letter frequencies and takes a letter for the delimiter of a text it does not know.)
    """
    if match := HINT.match(head.decode("utf-8", "replace").lstrip()):
        return match[1]
    text = QUOTED.sub(lambda match: re.sub(r"[,\t;|\r\n]", "_", match[0]), head.decode("utf-8", "replace").lstrip())
    header = text.splitlines()[0] if text else ""

    def count(delimiter: str) -> tuple[int, int]:
        names = [name.strip(' "').lower() for name in header.split(delimiter)]
        return sum(name in KNOWN_FIELDS for name in names) if len(names) > 1 else 0, len(names)

    return max(DELIMITERS, key=count)


def read_csv(stream: io.BufferedReader, source: ByteSource, delimiter: str, max_chars: int) -> Iterator[Piece]:
    """Read the rows of a CSV or TSV file with a header line: one piece each, the values under the header's names."""
    csv.field_size_limit(max(csv.field_size_limit(), max_chars))
    # surrogateescape carries bytes that are not UTF-8 to the row that holds them, which is then refused alone.
    rows = _Rows(io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline=""), delimiter, max_chars)
    doubled: frozenset[str] = frozenset()
    for text, row, error in rows.read():
        if error is None and not text.strip():
            continue
        if row is not None and rows.header is None and HINT.fullmatch(text):
            continue
        if row is not None and rows.header is None:
            rows.header = [_recode(name).strip().removeprefix("\ufeff") for name in row]
            doubled = find_doubled(rows.header)
            continue
        width = len(rows.header or ())
        if row is not None and len(row) > width and any(row[width:]):
            error = f"malformed CSV: {len(row)} fields under a header of {width}"
        elif row is not None and source.broken and not text.endswith(("\n", "\r")):
            error = "malformed CSV: the row breaks off"
        elif row is not None and not text.isascii():
            error = _find_wrong_bytes(text)
        if error is None and row is not None:
            yield Piece(b"", make_row(rows.header or [], row, doubled), None)
        else:
            yield Piece(text.encode("utf-8", "surrogateescape"), None, error)


class _Rows:
    """The rows of a text: lines, of which some belong together."""

    def __init__(self, text: io.TextIOWrapper, delimiter: str, max_chars: int) -> None:
        self.text, self.delimiter, self.max_chars = text, delimiter, max_chars
        self.header: list[str] | None = None
        self.ahead: deque[str] = deque()
        self.taken: list[str] = []  # lines of the present row
        self.n_chars = 0
        self.spaced_quote = re.compile(rf'(?:^|{re.escape(delimiter)}) +"')

    def read(self) -> Iterator[tuple[str, list[str] | None, str | None]]:
        """Yield (text, values, error) of every row, blank lines too; values are None if there is an error."""
        while True:
            self.taken, self.n_chars = [], 0
            try:
                line = self._take()
                if not line:
                    return
                row = self._read_quoted(line) if '"' in line else line.rstrip("\r\n").split(self.delimiter)
                yield "".join(self.taken), row, None
            except (csv.Error, RowTooLongError) as error:
                if not self._give_back() and isinstance(error, csv.Error):
                    self._take_rest()
                text = "".join(self.taken)
                kept = text[:KEPT_BYTES] if isinstance(error, RowTooLongError) else text
                yield kept, None, f"malformed CSV: {error}"

    def _take(self) -> str:
        """Take the next line into the present row; empty at the end."""
        line = self.ahead.popleft() if self.ahead else self.text.readline(self.max_chars)
        self.taken.append(line)
        self.n_chars += len(line)
        if self.n_chars >= self.max_chars:
            while line and not line.endswith(("\n", "\r")):
                line = self.text.readline(1 << 20)
            raise RowTooLongError(f"row longer than {self.max_chars >> 20} MB")
        return line

    def _look(self, n: int) -> str:
        """Look at the line that comes ``n`` lines later; empty at the end."""
        while len(self.ahead) <= n:
            line = self.text.readline(self.max_chars)
            if not line:
                return ""
            self.ahead.append(line)
        return self.ahead[n]

    def _read_quoted(self, line: str) -> list[str]:
        """Read a row that has quotes, with the lines that its quotes hold together."""
        width = len(self.header or ())
        if ' "' in line and self.spaced_quote.search(line):
            try:  # "a", "b": the space belongs to the delimiter if that makes a row of it
                (row,) = csv.reader([line], delimiter=self.delimiter, strict=True, skipinitialspace=True)
                if len(row) == width or self.header is None:
                    return row
            except csv.Error:
                pass
        try:
            row = next(csv.reader(self._lines(line), delimiter=self.delimiter, strict=True))
        except csv.Error:
            if not self._is_unquoted():
                raise
            row = self._read_unquoted(line)
        else:
            if len(self.taken) > 1 and len(row) != width and self._is_unquoted():
                row = self._read_unquoted(line)
        return row

    def _lines(self, line: str) -> Iterator[str]:
        while line:
            yield line
            line = self._take()

    def _is_unquoted(self) -> bool:
        """Say whether the quotes of a row of a TSV file are text: every line of it has all columns by itself."""
        lines = [line for line in self.taken if line.strip()]
        n_tabs = len(self.header or ()) - 1
        return self.delimiter == "\t" and n_tabs > 0 and all(line.count("\t") == n_tabs for line in lines)

    def _read_unquoted(self, line: str) -> list[str]:
        """Read one line in which a quote is text unless it stands around a whole value; give the others back."""
        self.ahead.extendleft(line for line in reversed(self.taken[1:]) if line)
        self.taken = [line]
        values = line.rstrip("\r\n").split(self.delimiter)
        return [next(csv.reader([value]))[0] if QUOTED.fullmatch(value) else value for value in values]

    def _give_back(self) -> bool:
        """Give back what follows the first line of a row with a quote that is never closed, if it is rows for sure."""
        n_delimiters, lines = len(self.header or ()) - 1, [line for line in self.taken[1:] if line]
        is_sure = len(lines) >= SURE_ROWS and n_delimiters > 0
        if is_sure and all('"' not in line and line.count(self.delimiter) == n_delimiters for line in lines[:-1]):
            self.ahead.extendleft(reversed(lines))
            del self.taken[1:]
            return True
        return False

    def _take_rest(self) -> None:
        """Take the lines that belong to a damaged row: until its quotes are closed, or a row begins for sure."""
        while line := self._look(0):
            is_open = sum(line.count('"') for line in self.taken) % 2 == 1
            is_tail = line.count('"') % 2 == 1 and not self._begins_with_quote(line)
            if not is_tail and (not is_open or self._begins_row()):
                return
            self._take()

    def _begins_row(self) -> bool:
        """Say whether rows follow: all lines up to the first quote have all columns, and that quote begins a value."""
        width = len(self.header or ())
        for n in range(MAX_AHEAD):
            line = self._look(n)
            if '"' in line:
                return self._begins_with_quote(line)
            if not line:
                break
            if line.strip() and line.count(self.delimiter) != width - 1:
                return False
        return True

    def _begins_with_quote(self, line: str) -> bool:
        before = line.partition('"')[0]
        return not before or before.endswith(self.delimiter)


def _find_wrong_bytes(text: str) -> str | None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"not UTF-8 at byte {len(text[: error.start].encode()) + 1}"
    return None


def _recode(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
