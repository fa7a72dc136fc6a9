"""What the readers of the containers hand on: one piece of a file for each record."""

from __future__ import annotations

from typing import Any, NamedTuple


class Piece(NamedTuple):
    """One record as it stands in the file, not yet understood.

    Attributes:
        text: what is kept of a record that cannot be read.
        value: the JSON value, or the row as an object of column to value.
        error: why it cannot be read, None if it can.
    """

    text: bytes
    value: Any
    error: str | None
