"""The console script ``tacos``: what SQLMesh itself does not do. One module per command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from python_models.env_file import load_env_file
from python_models.terminal import UserError


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; what it parses has ``run``, which takes it and returns the exit code."""
    from python_models.cli import cache, estimate, explain, export, report, review, run, selection_diff, tags_diff

    parser = argparse.ArgumentParser(
        prog="tacos",
        description="Choose the training samples worth having: open tagging and comparative scoring.",
        epilog="The rest is plain SQLMesh: sqlmesh plan, sqlmesh run --ignore-cron, sqlmesh fetchdf 'SELECT ...'.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (run, report, export, estimate, explain, tags_diff, selection_diff, review, cache):
        module.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a ``tacos`` command; return its exit code. Errors that a user can mend are one message, not a traceback."""
    options = make_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal of another character set shows escapes, and stops nothing
            stream.reconfigure(errors="backslashreplace")
    try:
        for name in load_env_file():
            print(f"{name}: the value in .env is used, not that of the shell.", file=sys.stderr)
        return int(options.run(options) or 0)
    except UserError as error:
        print(f"tacos {options.command}: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Replies that were received are in the cache; run again to go on.", file=sys.stderr)
        return 130
