"""What can be saved of a damaged JSON value."""

from __future__ import annotations

from collections.abc import Iterator

from python_models.source.conversations import is_turn
from python_models.source.pieces import Piece
from python_models.source.texts import read_json
from python_models.source.wrappers import has_record_fields

# With the record separator of RFC 7464.
BLANK = b" \t\r\n\x1e"


def salvage(text: bytes, error: str) -> Iterator[Piece]:
    """Save the lines of a damaged value that are records of their own; the others are one damaged record each run."""
    damaged: list[bytes] = []
    for line in text.split(b"\n"):
        value, line_error = (None, "") if not damaged else read_json(line.strip(BLANK).removesuffix(b","))
        if line_error is None and isinstance(value, dict) and has_record_fields(value) and not is_turn(value):
            if damaged != [b""]:
                lost = b"\n".join(damaged).strip()
                yield Piece(lost, None, read_json(lost)[1] or error)
            yield Piece(b"", value, None)
            damaged = [b""]
        else:
            damaged.append(line)
    if damaged != [b""]:
        yield Piece(b"\n".join(damaged).strip(), None, error)
