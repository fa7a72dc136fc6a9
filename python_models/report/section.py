"""What a section of the report is made of: sentences, plots and grids, with nothing of HTML in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from python_models.terminal import shown, shown_line


@dataclass(frozen=True)
class Plot:
    """A plot of the library: ``traces`` and ``layout`` as plotly.js takes them, ``label`` for who cannot see it."""

    name: str
    label: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """A value of a grid as text; ``light`` is ``good``, ``bad`` or nothing."""

    text: str
    is_number: bool = False
    light: str = ""


@dataclass(frozen=True)
class Grid:
    """A table for the eyes: names of columns, and rows of cells."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def numeric(self) -> set[int]:
        """Positions of the columns that hold numbers."""
        return {index for row in self.rows for index, cell in enumerate(row) if cell.is_number}


@dataclass(frozen=True)
class Sample:
    """A sample to be read: its place, its fate in a sentence, its texts."""

    sample_id: str
    heading: str
    decision: str
    instruction: str
    response: str


@dataclass(frozen=True)
class Section:
    """A heading, what there is to know in sentences (``facts``), and what shows it."""

    name: str
    title: str
    facts: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    grids: Sequence[Grid] = ()
    kept: Sequence[Sample] = ()
    dropped: Sequence[Sample] = ()


def label(text: object, n_chars: int = 90) -> str:
    """Foreign text for a plot: one line, cut, and inert, since plotly.js reads some HTML in its texts."""
    line = shown_line(text)
    line = line if len(line) <= n_chars else line[: n_chars - 1] + "…"
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cell(value: object, column: str = "") -> Cell:
    """A value of a table as one would write it."""
    if value is None:
        return Cell("–")
    if isinstance(value, bool):
        if column == "verdict":
            return Cell("fails" if value else "passes", light="bad" if value else "good")
        return Cell("yes" if value else "no")
    if isinstance(value, int):
        return Cell(f"{value:,}", is_number=True)
    if isinstance(value, float):
        if column.endswith("_share"):
            return Cell(f"{100 * value:.1f}%", is_number=True)
        digits = ",.4g" if abs(value) < 1_000 else ",.0f"
        return Cell(f"${value:,.4f}" if "_usd" in column else format(value, digits), is_number=True)
    return Cell(shown(value))


def grid(caption: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    """Rows of a query as they are; the names of columns in words."""
    columns = list(rows[0]) if rows else []
    cells = [[cell(value, column) for column, value in row.items()] for row in rows]
    return Grid(caption, [shown(name).removeprefix("n_").replace("_", " ") for name in columns], cells)
