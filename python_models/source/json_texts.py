"""JSON texts: cut a stream of bytes into one text per value, and parse one text, in bounded memory."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from python_models.source.streams import KEPT_BYTES, MAX_RECORD_BYTES
from python_models.source.tables import Piece

TOO_LONG = f"longer than {MAX_RECORD_BYTES >> 20} MB"
MIN_CHUNK = 64 << 10
# Strings are one token, so that brackets and commas inside them do not count. A lone quote is a string without an end.
JSON_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)
BLANK = b" \t\r\n"


def load_json(source: bytes) -> tuple[Any, str | None]:
    """Parse one JSON text. Returns the value and None, or None and the error."""
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 at byte {error.start + 1}"
    try:
        # Control characters inside strings are no doubt about what is meant; NaN is how pandas writes a missing value.
        return json.loads(text, strict=False, parse_constant=lambda _: None), None
    except json.JSONDecodeError as error:
        return None, f"malformed JSON: {error.msg}"
    except RecursionError:
        return None, "malformed JSON: nested too deeply"
    except ValueError as error:  # an integer of thousands of digits
        return None, f"malformed JSON: {str(error).partition(';')[0]}"


def parses(source: bytes) -> bool:
    """Say whether a text is JSON."""
    return load_json(source.strip(BLANK))[1] is None


def split_lines(stream: io.BufferedReader) -> Iterator[Piece]:
    """JSONL: one record per line that is not blank."""
    while line := stream.readline(MAX_RECORD_BYTES + 1):
        if len(line) > MAX_RECORD_BYTES and not line.endswith(b"\n"):
            yield _skip_line(stream, line), None, f"line {TOO_LONG}"
            continue
        text = line.removeprefix(b"\xef\xbb\xbf").strip(BLANK)
        if text:
            yield text, None, None


def _skip_line(stream: io.BufferedReader, start: bytes) -> bytes:
    """Read over the rest of a line. Returns its beginning and a digest of the whole, which tells such lines apart."""
    digest, n_bytes, part = hashlib.md5(start, usedforsecurity=False), len(start), start
    while not part.endswith(b"\n") and (part := stream.readline(1 << 20)):
        digest.update(part)
        n_bytes += len(part)
    return b"%s ... (%d bytes, md5 %s)" % (start[:KEPT_BYTES], n_bytes, digest.hexdigest().encode())


def split_values(stream: io.BufferedReader, is_array: bool) -> Iterator[Piece]:
    """Cut a JSON array, or objects over several lines, into the texts of their values.

    A scanner of its own rather than a streaming parser such as ijson: that ends at the first damaged value, refuses NaN
    and turns a lone surrogate into a question mark; here each value is parsed alone, like a line of JSONL.
    """
    padding = BLANK if is_array else BLANK + b","
    buffer, n_read, depth, scanned, chunk = b"", 0, 0, 0, MIN_CHUNK
    is_open = not is_array  # whether the array's own bracket has been read
    beginning = b""  # of a value too long to be kept
    while more := stream.read(chunk):
        buffer += more
        n_read += len(more)
        start, open_quote = 0, None
        for token in JSON_TOKEN.finditer(buffer, scanned):
            kind = token.group()
            if kind == b'"':
                open_quote = token.start()  # more bytes are needed to see this string's end
                break
            scanned = token.end()
            if kind in (b"{", b"["):
                if is_open:
                    depth += 1
                else:
                    is_open, start = True, scanned
                continue
            depth -= kind in (b"}", b"]")
            is_end = is_array and depth < 0
            if is_end or (depth <= 0 and kind == b"," if is_array else depth <= 0 and kind in (b"}", b"]")):
                end = token.start() if is_array else scanned
                text = buffer[start:end].strip(padding)
                if beginning or len(text) > MAX_RECORD_BYTES:
                    where = n_read - len(buffer) + end
                    yield (beginning or text)[:KEPT_BYTES], None, f"record {TOO_LONG}, ending at byte {where}"
                elif text:
                    yield text, None, None
                start, depth, beginning = scanned, max(depth, 0), b""
            if is_end:
                where = n_read - len(buffer) + scanned
                if rest := (buffer[start:] + stream.read(KEPT_BYTES)).strip(BLANK):
                    yield rest[:KEPT_BYTES], None, f"text after the end of the JSON array at byte {where}"
                return
        if len(buffer) - start > MAX_RECORD_BYTES:
            # Go on without the text: the brackets are counted, of an open string only its state is kept.
            beginning, start = beginning or buffer[start : start + KEPT_BYTES], 0
            buffer, scanned = (b"" if open_quote is None else b'"' + _last_escape(buffer)), 0
        buffer, scanned = buffer[start:], scanned - start
        # Growing steps keep the rescan of one very long string linear.
        chunk = max(MIN_CHUNK, min(len(buffer), MAX_RECORD_BYTES - len(buffer)))
    rest = (beginning or buffer).strip(BLANK)
    if is_array:
        error = f"malformed JSON: the array breaks off at byte {n_read}"
        if rest and parses(rest):
            yield rest, None, None
            rest = b""
        yield rest, None, error
    elif rest:
        yield rest, None, f"malformed JSON: the object breaks off at byte {n_read}"


def _last_escape(text: bytes) -> bytes:
    """Give the backslash that escapes whatever comes after ``text``, if there is one."""
    return b"\\" if (len(text) - len(text.rstrip(b"\\"))) % 2 else b""
