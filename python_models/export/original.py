"""The records as they were read, whole."""

from __future__ import annotations

from typing import Any

from python_models.export.conversation import UnfitError


def row(record: Any, scores: dict[str, Any]) -> Any:
    """Make the row of a record: itself, with the scores in columns of their own if there are any.

    Raises:
        UnfitError: scores are wanted, and the record has no columns.
    """
    if not scores:
        return record
    if not isinstance(record, dict):
        raise UnfitError("the record is a list, which has no place for scores: messages has")
    return record | scores
