"""A process that reads parts of a dataset: tasks come in by stdin, rows go into files, what failed goes to stdout."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import pyarrow as pa

from python_models.source.rows import NUMBERED_SCHEMA, make_batches


def main() -> None:
    """Do tasks until there are no more."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that a library prints is taken for a reply
    while True:
        try:
            task = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the process that started this one
        except EOFError:
            return
        pickle.dump(_do(*task), replies)
        replies.flush()


def _do(files: Any, parts: Any, mapping: Any, columns: list[str], path: str) -> Exception | None:
    """Write the rows of parts into a file; the error with which this failed, None if it did not."""
    schema = pa.schema([NUMBERED_SCHEMA.field(name) for name in columns])
    try:
        with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
            for batch in make_batches(files, parts, mapping):
                writer.write_batch(batch.select(columns))
    except Exception as error:
        return error
    return None


if __name__ == "__main__":
    main()
