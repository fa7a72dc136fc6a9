"""``tacos explain``: why a sample was kept or dropped, from its raw tags to the cut-off."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.terminal import shown, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    import duckdb

_SHOWN_CHARS = 400
_NAMED_SAMPLES = 5
_FIRST_CHARS = 50
_WAYS_TO_FIND = (
    "STARTS_WITH(sample_id, $1)",
    "STARTS_WITH(record_id, $1)",
    "CONTAINS(LOWER(instruction), LOWER($1))",
)


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "explain",
        help="why a sample was kept or dropped",
        description="Show everything that happened to one sample, from tacos.sample_audit and tacos.tag_map.",
    )
    parser.add_argument(
        "sample_id", help="its id, its record id (or the first characters of one), or a part of its instruction"
    )
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.add_argument("--json", action="store_true", help="as one JSON object, nothing shortened")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the sample's story.

    Raises:
        WarehouseError: no sample, or more than one, is meant by what was given.
    """
    with open_warehouse() as connection:
        audit, raw_tags, tag_map = (
            table_in(connection, options.environment, name) for name in ("sample_audit", "raw_tags", "tag_map")
        )
        sample = _find(connection, audit, options.sample_id, options.environment)
        tags = rows(
            connection,
            f"SELECT raw_tag, normalized_tag, action, reason FROM {raw_tags} JOIN {tag_map} "  # noqa: S608
            "USING (raw_tag) WHERE sample_id = ? ORDER BY tag_position",
            [sample["sample_id"]],
        )
    if options.json:
        print(json.dumps({**sample, "tags": tags}, default=str))
        return 0
    for name, value in sample.items():
        text = "-" if value is None else str(value)
        print(f"{name:<22} {shown(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + ' ...')}")
    print("tags")
    for tag in tags:
        print("  " + shown_line(f"{tag['raw_tag']} -> {tag['normalized_tag'] or '(dropped)'}: {tag['reason']}"))
    return 0


def _find(connection: duckdb.DuckDBPyConnection, audit: str, wanted: str, environment: str) -> dict[str, Any]:
    """The one sample that is meant: the first way to find any decides, so that an id is never taken for text."""
    for way in _WAYS_TO_FIND:
        query = f"SELECT * FROM {audit} WHERE {way} ORDER BY sample_id LIMIT {_NAMED_SAMPLES + 1}"  # noqa: S608
        found = rows(connection, query, [wanted])
        if len(found) == 1:
            return found[0]
        if found:
            named = [
                f"  {sample['sample_id']}  {shown_line(str(sample['instruction'])[:_FIRST_CHARS])}"
                for sample in found[:_NAMED_SAMPLES]
            ]
            more = ["  ..."] if len(found) > _NAMED_SAMPLES else []
            raise WarehouseError(
                "\n".join([f"More than one sample is meant by {wanted!r} in {environment}:", *named, *more])
            )
    raise WarehouseError(
        f"No sample of {environment} has an id or a record id that begins with {wanted!r}, or that text in its "
        "instruction. Ids are in tacos.samples; a record that is none is in tacos.rejected_records."
    )
