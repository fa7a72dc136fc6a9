"""``tacos report``: one HTML file that shows what was chosen and why to trust it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from python_models.cli.warehouse import open_warehouse, table_in
from python_models.settings import PROJECT_ROOT
from python_models.terminal import shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

REPORT = PROJECT_ROOT / "report.html"


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "report",
        help="write what was chosen and why to trust it as one HTML file",
        description="Write one HTML file that opens in any browser, without a network: what was kept, checks, samples "
        "to read, a map, clusters, tags, scores, cost. It holds texts of the dataset: share it like the dataset.",
    )
    parser.add_argument("path", nargs="?", type=Path, default=REPORT, help="the file (default: report.html)")
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report and say where it is.

    Raises:
        WarehouseError: there is no warehouse or no such environment.
        ReportError: the file cannot be written.
    """
    write(options.path, options.environment)
    size = options.path.stat().st_size / 1e6
    print(f"The report is {shown_line(options.path)} ({size:.1f} MB). Open it in a browser.")
    return 0


def write(path: Path = REPORT, environment: str = "prod") -> None:
    """Write the report of an environment."""
    from python_models.report.page import write_report

    with open_warehouse() as connection:
        table_in(connection, environment, "selected")  # an environment that is not there is named
        write_report(connection, path, environment)
