"""JSON texts in any arrangement, cut into records in bounded memory: lines, arrays, objects, all of these in a row.

A scanner of its own rather than a streaming parser such as ijson: that ends at the first damaged value; here each value
is parsed alone, damage costs the record that has it, and the next begins where only a new record can begin.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from python_models.source.json_lines import Lines
from python_models.source.pieces import Piece
from python_models.source.salvage import BLANK, salvage
from python_models.source.streams import KEPT_BYTES, MAX_RECORD_BYTES
from python_models.source.texts import read_json
from python_models.source.wrappers import WRAPPERS, expand, has_record_fields, holds_records, may_be_table, may_wrap

TOO_LONG = f"longer than {MAX_RECORD_BYTES >> 20} MB"
# Strings are one token, so that brackets and commas inside them do not count. A lone quote is a string without an end.
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)
REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
KEY = re.compile(rb'"([^"\\]{1,40})"\s*:\s*$')


class JsonSplitter:
    """Cuts a stream of JSON texts into pieces, one per record.

    Memory: about twice the longest record, which is cut off at ``MAX_RECORD_BYTES``.
    """

    def __init__(self, stream: io.BufferedReader, n_before: int = 0) -> None:
        """Begin at the start of ``stream``, which has ``n_before`` bytes of its file before it."""
        self.lines = Lines(stream, n_before)
        self.contexts = bytearray()  # open brackets of the lists of records, and of objects around them
        self.value = bytearray()  # the present value, as far as it was read
        self.stack = bytearray()  # its open brackets
        self.last = b""  # its last byte that is not blank
        self.indent = b""  # of its first line
        self.in_string = self.is_escaped = False
        self.list_start: tuple[int, int] | None = None  # (depth, offset of the first item) of what may hold records
        self.key = ""  # under which it stands in the object around it
        self.beginning = b""  # of a value too long to be kept

    def split(self) -> Iterator[Piece]:
        """Yield the pieces."""
        while part := self.lines.take():
            if self.stack and self.lines.is_line_start and self._begins_record(part):
                yield from self._give_up()
            is_line_start, self.lines.is_line_start = self.lines.is_line_start, part.endswith(b"\n")
            pieces = self._read_line(part) if is_line_start and not (self.value or self.beginning) else None
            yield from self._scan(part) if pieces is None else pieces
            self.lines.n_read += len(part)
            if len(self.value) > MAX_RECORD_BYTES:
                # Go on without the text: only the brackets are counted.
                self.beginning, self.list_start = self.beginning or bytes(self.value[:KEPT_BYTES]), None
                self.value.clear()
        yield from self._end()

    def _read_line(self, part: bytes) -> Iterable[Piece] | None:
        """Read a line that is whole by itself; None if it needs to be scanned."""
        text = part.removeprefix(b"\xef\xbb\xbf").strip(BLANK)
        if self.contexts:
            text = text.removesuffix(b",")
        if text == b"{" and self.contexts[-1:] != b"{":
            return None if (value := self.lines.take_block(part)) is None else self._expand(value)
        if text[:1] in (b"{", b"[") and self.contexts[-1:] != b"{":
            value, error = read_json(text) if text[-1:] in (b"}", b"]") else (None, "")
            return self._expand(value) if error is None else None
        return None if self.contexts or not text or text[:1] in (b"{", b"[") else self._read_other_line(part)

    def _read_other_line(self, part: bytes) -> Iterator[Piece]:
        """Read a line between values that does not begin like one: a scalar, or something that is not JSON."""
        text, is_too_long = self.lines.take_long(part)
        yield from (Piece(text, None, f"line {TOO_LONG}"),) if is_too_long else self._parse(text)

    def _scan(self, part: bytes) -> Iterator[Piece]:
        """Scan a part of the file, which continues the present value."""
        begin = 0
        for token in TOKEN.finditer(part, self._end_string(part)):
            kind, start, end = token.group(), token.start(), token.end()
            if kind == b'"':
                self.in_string, self.is_escaped = True, _ends_escaped(part[end:])
                break
            if kind in (b"{", b"["):
                if not self.stack:
                    yield from self._finish(part[begin:start], end)
                    self.indent, begin = part[begin:start], start
                self.stack += kind
                if kind == b"[" and not self.list_start and self._may_hold_records(part[begin:start]):
                    self.list_start = len(self.stack), len(self.value) + end - begin
            elif kind == b"," or kind in (b"}", b"]"):
                is_end = kind != b","
                if is_end and self.stack:
                    self.stack.pop()
                    if not self.stack:
                        yield from self._finish(part[begin:end], end)
                        begin = end
                if self.stack and self.list_start and self.list_start[0] >= len(self.stack):
                    # The first item of a list is complete: is it a record?
                    text = bytes(self.value) + part[begin : end if is_end else start]
                    if self.list_start[0] == len(self.stack) and self._is_record(text):
                        yield from self._descend(text)
                        begin = end
                    self.list_start = None
                elif not self.stack and self.contexts and begin < end:
                    yield from self._finish(part[begin:start], end)
                    begin = end
                    if is_end:
                        self.contexts.pop()
        rest = part[begin:]
        if not (self.stack or self.contexts or self.in_string) and rest.endswith(b"\n"):
            yield from self._finish(rest, len(part))
        elif self.value or self.stack or rest.strip(BLANK):
            self.value += rest
        self.last = part.rstrip(BLANK)[-1:] or self.last

    def _end_string(self, part: bytes) -> int:
        """Give the end of the string that an earlier part began; 0 if none did."""
        if not self.in_string:
            return 0
        begin = int(self.is_escaped)
        if match := REST_OF_STRING.match(part, begin):
            self.in_string = self.is_escaped = False
            return match.end()
        self.is_escaped = _ends_escaped(part[begin:])
        return len(part)

    def _may_hold_records(self, before: bytes) -> bool:
        """Say whether the list that begins may be one of records: a value itself, or in an object that is no record."""
        if self.contexts[-1:] == b"{":
            return len(self.stack) == 1 and self.key in WRAPPERS
        if len(self.stack) == 1:
            return True
        if self.stack != b"{[" or self.contexts or self.beginning:
            return False
        head = bytes(self.value) + before
        match = KEY.search(head, max(0, len(head) - 100))
        if not match or _name(match) not in WRAPPERS:
            return False
        outer, error = read_json(head[: match.start()] + b'"":0}')
        return error is None and not has_record_fields(outer)

    def _is_record(self, text: bytes) -> bool:
        offset = self.list_start[1] if self.list_start else 0
        item, error = read_json(text[offset:].strip(BLANK))
        level = len(self.contexts) + len(self.stack) - 1
        return not self.beginning and (error is not None or holds_records(item, level))

    def _descend(self, text: bytes) -> Iterator[Piece]:
        """Take a list of records (and the object around it) for what it is; ``text`` ends with its first item."""
        item = text[self.list_start[1] :] if self.list_start else text
        self.contexts += self.stack
        self.stack.clear()
        self.value.clear()
        yield from self._parse(item)

    def _finish(self, rest: bytes, where: int) -> Iterator[Piece]:
        """End the present value, of which ``rest`` is the last part; ``where`` is its end in the present part."""
        text = bytes(self.value) + rest
        self.value.clear()
        self.list_start = None
        if self.beginning or len(text) > MAX_RECORD_BYTES:
            error = f"record {TOO_LONG}, ending at byte {self.lines.n_read + where}"
            kept, self.beginning = (self.beginning or text)[:KEPT_BYTES], b""
            yield Piece(kept, None, error)
        elif self.contexts[-1:] != b"{":
            yield from self._parse(text)
        elif match := KEY.search(text):
            self.key = _name(match)
        elif self.key in WRAPPERS and text.lstrip(BLANK)[:1] == b"[":  # another list of records beside the first
            yield from self._parse(text)

    def _parse(self, text: bytes) -> Iterator[Piece]:
        """Yield the records of a value, or what can be saved of a damaged one."""
        text = text.strip(BLANK) if self.contexts else text.strip(BLANK + b",")
        if text:
            value, error = read_json(text)
            yield from self._expand(value) if error is None else salvage(text, error)

    def _expand(self, value: object) -> Iterable[Piece]:
        if isinstance(value, dict) and not may_wrap(names := tuple(value)):
            first = next(iter(value.values()), None)
            if not isinstance(first, list | dict) or (isinstance(first, list) and not may_be_table(names)):
                return (Piece(b"", value, None),)
        return self._expand_all(value)

    def _expand_all(self, value: object) -> Iterator[Piece]:
        for record in expand(value, len(self.contexts)):
            yield Piece(b"", record, None)

    def _begins_record(self, part: bytes) -> bool:
        """Say whether a line begins a new record although the present value is not complete: it is damaged."""
        line = part.strip(BLANK)
        if line[:1] != b"{":
            return False
        if self.in_string:
            if line == b"{":  # indented like the damaged one
                return part.startswith(self.indent + b"{")
            value, error = read_json(line.removesuffix(b","))
            return error is None and has_record_fields(value)
        # An object may begin in a list, or after the colon of a field.
        return not (self.last in (b"[", b",") if self.stack[-1:] == b"[" else self.last == b":")

    def _give_up(self, error: str | None = None) -> Iterator[Piece]:
        """End a value that is damaged."""
        self.stack.clear()
        self.in_string = self.is_escaped = False
        text = bytes(self.value).strip(BLANK)
        if self.beginning:
            yield from self._finish(b"", 0)
        elif text:
            yield from salvage(text, error or read_json(text)[1] or "malformed JSON")
        self.value.clear()
        self.list_start = None

    def _end(self) -> Iterator[Piece]:
        if not self.stack:
            yield from self._finish(b"", 0)
        start = self.value.strip(BLANK)[:1]
        if self.contexts or (start and b"\n" in self.value.strip(BLANK)) or start == b"[":
            what = "object" if start == b"{" and not self.contexts else "array"
            error = f"malformed JSON: the {what} breaks off at byte {self.lines.n_read}"
            if not start:
                yield Piece(b"", None, error)
            yield from self._give_up(error)
        else:
            yield from self._give_up()


def _name(match: re.Match[bytes]) -> str:
    return match.group(1).decode("utf-8", "replace").lower()


def _ends_escaped(text: bytes) -> bool:
    """Say whether a text ends with a backslash that escapes whatever comes after it."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
