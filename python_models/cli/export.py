"""``tacos export``: the kept samples as a file, each record whole as it was read, in the order of selection."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from python_models.cli.warehouse import WarehouseError, open_warehouse, table_in
from python_models.whole_file import whole_file

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_ROWS_AT_ONCE = 1000


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "export",
        help="write the kept samples, each as its original record",
        description="Write the kept samples as JSON Lines: the records as they were read, in the order of selection.",
    )
    parser.add_argument("path", type=Path, help="the file to write; one that is there is replaced when all is written")
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file beside its place, then move it there: it is whole or it is not there.

    Raises:
        WarehouseError: nothing was selected, or the file cannot be written.
    """
    with open_warehouse() as connection:
        selected, samples, records = (
            table_in(connection, options.environment, name) for name in ("selected", "samples", "source_records")
        )
        found = connection.execute(
            f"SELECT conversation FROM {selected} JOIN {samples} USING (sample_id) "  # noqa: S608
            f"JOIN {records} USING (record_id) ORDER BY selection_rank"
        )
        count = 0
        try:
            with whole_file(options.path) as partial:
                with partial.open("w", encoding="utf-8") as file:
                    while rows := found.fetchmany(_ROWS_AT_ONCE):
                        # Inside its strings JSON has no line break, so one between them is white space.
                        file.writelines(record.replace("\r", " ").replace("\n", " ") + "\n" for (record,) in rows)
                        count += len(rows)
                if not count:
                    raise WarehouseError(f"nothing is selected in {options.environment}: nothing was written.")
        except OSError as error:
            raise WarehouseError(f"cannot write {options.path}: {error.strerror}. Name another file.") from error
    print(f"{options.path}: {count} records, in the order of selection.")
    return 0
