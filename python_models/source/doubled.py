"""Table columns of one name: their values count if they agree; if not, whoever reads the column is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from python_models.source.texts import is_empty


class Doubled(list[Any]):
    """The different values of columns that have one name."""


def find_doubled(names: Sequence[str]) -> frozenset[str]:
    """Find the names that several columns have."""
    return frozenset(name for name, n_columns in Counter(names).items() if n_columns > 1)


def make_row(names: Sequence[str], values: Sequence[Any], doubled: frozenset[str]) -> dict[str, Any]:
    """Make the row of a table; names without a value are left out, values without a name too.

    Of columns of one name the filled value counts; several that differ become ``Doubled``.
    """
    row = dict(zip(names, values, strict=False))
    for name in doubled:
        filled = [value for other, value in zip(names, values, strict=False) if other == name and not is_empty(value)]
        distinct = [value for i, value in enumerate(filled) if value not in filled[:i]]
        row[name] = Doubled(distinct) if len(distinct) > 1 else next(iter(distinct), None)
    return row
