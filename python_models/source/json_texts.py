"""JSON texts: cut a stream of bytes into one text per value, and parse one text, in bounded memory."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from python_models.source.tables import Piece

MAX_RECORD_BYTES = 64 << 20
TOO_LONG = f"longer than {MAX_RECORD_BYTES >> 20} MB"
# What is kept of a record that is too long: enough to recognise it.
KEPT_BYTES = 64 << 10
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
    buffer, offset, depth, scanned, chunk = b"", 0, 0, 0, 1 << 16
    is_open = not is_array  # whether the array's own bracket has been read
    while more := stream.read(chunk):
        buffer += more
        start = 0
        for token in JSON_TOKEN.finditer(buffer, scanned):
            kind = token.group()
            if kind == b'"':
                break  # more bytes are needed to see this string's end
            scanned = token.end()
            if kind in (b"{", b"["):
                if is_open:
                    depth += 1
                else:
                    is_open, start = True, scanned
            elif kind in (b"}", b"]", b","):
                depth -= kind != b","
                is_end = depth < 0
                if (is_end or (depth == 0 and kind == b",")) if is_array else (depth <= 0 and kind != b","):
                    end = token.start() if is_array else scanned
                    if text := buffer[start:end].strip(BLANK if is_array else BLANK + b","):
                        yield text, None, None
                    start = scanned
                    depth = max(depth, 0)
                    if is_array and is_end:
                        rest = (buffer[start:] + stream.read(KEPT_BYTES)).strip(BLANK)
                        if rest:
                            where = offset + start
                            yield rest[:KEPT_BYTES], None, f"text after the end of the JSON array at byte {where}"
                        return
        buffer, offset, scanned = buffer[start:], offset + start, scanned - start
        if len(buffer) > MAX_RECORD_BYTES:
            error = f"record {TOO_LONG} at byte {offset}: the rest of the file cannot be read"
            yield buffer[:KEPT_BYTES], None, error
            return
        # Growing steps keep the rescan of one very long string linear.
        chunk = max(1 << 16, len(buffer))
    rest = buffer.strip(BLANK)
    if is_array:
        error = f"malformed JSON: the array breaks off at byte {offset + len(buffer)}"
        if rest and parses(rest):
            yield rest, None, None
            rest = b""
        yield rest, None, error
    elif rest:
        yield rest, None, f"malformed JSON: the object breaks off at byte {offset + len(buffer)}"
