"""``tacos review``: tags for a person to judge, as a file to fill in; and the verdicts back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.diagnostics.reviews import read_review, read_seed, write_review, write_seed
from python_models.settings import PROJECT_ROOT
from python_models.terminal import count

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_SEED = Path("seeds/tag_reviews.csv")


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "review",
        help="judge tags by hand: write the file to fill in, or take the filled one back",
        description="Write the tags of some samples as a CSV file for a spreadsheet: answer yes or no in raw_verdict "
        "and normalized_verdict where a tag fits its instruction or not, as many as you like. With --take the verdicts "
        "go to seeds/tag_reviews.csv, and the next plan or run shows the precision in tacos.tagging_quality.",
    )
    parser.add_argument("path", type=Path, help="the CSV file")
    parser.add_argument("--take", action="store_true", help="take the verdicts of the filled file")
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file, or take it.

    Raises:
        ReviewError: the filled file cannot be understood.
        WarehouseError: there are no tags to judge, or a file cannot be read or written.
    """
    try:
        return _take(options) if options.take else _write(options)
    except OSError as error:
        raise WarehouseError(f"{error.filename}: {error.strerror}. Name another file.") from error


def _write(options: argparse.Namespace) -> int:
    if options.path.exists():
        raise WarehouseError(
            f"{options.path} is there already, and may hold verdicts. Take them (tacos review {options.path} --take), "
            "or name another file."
        )
    found = _sample(options.environment)
    if not found:
        raise WarehouseError(f"No sample of {options.environment} has a tag: there is nothing to judge.")
    known = read_seed(PROJECT_ROOT / _SEED)
    write_review(found, known, options.path)
    n_judged = sum(row["raw_id"] in known for row in found)
    n_samples = len({row["sample_id"] for row in found})
    print(
        f"{options.path}: {count(len(found), 'raw tag')} of {count(n_samples, 'sample')}, {n_judged:,} judged before."
    )
    print(
        "Write yes or no into raw_verdict and normalized_verdict: does the tag fit the instruction? The rows are in no "
        f"order, so stop where you like. Then: tacos review {options.path} --take"
    )
    return 0


def _take(options: argparse.Namespace) -> int:
    def known_tags(review_ids: set[str]) -> dict[str, str]:
        found = _sample(options.environment)
        tags = {row[f"{kind}_id"]: row[f"{kind}_tag"] for row in found for kind in ("raw", "normalized")}
        return {key: tags[key] for key in review_ids if key in tags}

    taken = read_review(options.path, known_tags)
    before = read_seed(PROJECT_ROOT / _SEED)
    n_changed = sum(key in before and before[key].is_right != verdict.is_right for key, verdict in taken.items())
    write_seed(before | taken, PROJECT_ROOT / _SEED)
    n_new = len(taken.keys() - before.keys())
    print(f"{_SEED}: {count(len(taken), 'verdict')} taken, {n_new:,} of them new, {n_changed:,} changed.")
    print("The next tacos run, or sqlmesh plan, shows the precision in tacos.tagging_quality.")
    return 0


def _sample(environment: str) -> list[dict[str, str]]:
    """Rows of ``tag_review_sample``, in an order that is as good as random: a part of them is a sample too."""
    with open_warehouse() as connection:
        table = table_in(connection, environment, "tag_review_sample", "tacos_internal")
        return rows(connection, f"SELECT * FROM {table} ORDER BY MD5(sample_id), tag_position")  # noqa: S608
