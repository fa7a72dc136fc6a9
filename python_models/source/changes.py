"""Records that are in the tables, but no longer in the files: edited, renamed with their file, or removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from python_models.source.files import find_files
from python_models.source.first_seen import read_first_seen
from python_models.source.records import read_ids
from python_models.staging import read_arrow

if TYPE_CHECKING:
    from sqlmesh import Context


def count_gone(context: Context, dataset: str, column_mapping: str) -> int:
    """Count the records of production that the files no longer hold, in 25 bytes of memory each.

    Nothing is read if all files have the size and the time that they had when they were read last; of a table nobody
    knows that, so it is read.

    Raises:
        DatasetError: no file.
        TableError: no table.
    """
    read = partial(read_arrow, context)
    if _described(context) == {
        file.source_file: (file.n_bytes, file.modified_at.replace(tzinfo=None)) for file in find_files(dataset, read)
    }:
        return 0
    known = read_first_seen(context, "tacos.source_records")
    is_there = np.zeros(len(known.ids), dtype=np.bool_)
    for record_ids in read_ids(dataset, column_mapping, read):
        places, is_known = known.find(record_ids)
        is_there[places[is_known]] = True
    return int(len(is_there) - is_there.sum())


def _described(context: Context) -> dict[str, tuple[int | None, object]]:
    """Size and time of the files as they were read last, None of a table."""
    table = exp.to_table("tacos_internal.dataset_files")
    query = exp.select("source_file", "n_bytes", "modified_at").from_(table)
    rows = [row for batch in read_arrow(context, query, 10_000) for row in batch.to_pylist()]
    return {row["source_file"]: (row["n_bytes"], row["modified_at"]) for row in rows}
