"""``tacos explain``: why a sample was kept or dropped, from its raw tags to the cut-off."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.terminal import shown, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_SHOWN_CHARS = 400


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "explain",
        help="why a sample was kept or dropped",
        description="Show everything that happened to one sample, from tacos.sample_audit and tacos.tag_map.",
    )
    parser.add_argument("sample_id", help="id of the sample, or its first characters")
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the sample's story.

    Raises:
        WarehouseError: no sample, or more than one, begins with the given id.
    """
    with open_warehouse() as connection:
        audit, raw_tags, tag_map = (
            table_in(connection, options.environment, name) for name in ("sample_audit", "raw_tags", "tag_map")
        )
        found = rows(
            connection,
            f"SELECT * FROM {audit} WHERE STARTS_WITH(sample_id, ?) ORDER BY sample_id LIMIT 2",  # noqa: S608
            [options.sample_id],
        )
        if len(found) != 1:
            count = "More than one sample begins" if found else "No sample begins"
            raise WarehouseError(f"{count} with {options.sample_id!r} in {options.environment}.")
        sample = found[0]
        tags = rows(
            connection,
            f"SELECT raw_tag, normalized_tag, action, reason FROM {raw_tags} JOIN {tag_map} "  # noqa: S608
            "USING (raw_tag) WHERE sample_id = ? ORDER BY tag_position",
            [sample["sample_id"]],
        )
    for name, value in sample.items():
        text = "-" if value is None else str(value)
        print(f"{name:<22} {shown(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + ' ...')}")
    print("tags")
    for tag in tags:
        print("  " + shown_line(f"{tag['raw_tag']} -> {tag['normalized_tag'] or '(dropped)'}: {tag['reason']}"))
    return 0
