"""A warehouse whose kept samples are all samples of a dataset, read by the project's own tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
from sqlmesh import Context
from stage_runner import StageRunner

Exported = Callable[..., Path]
"""The fixture ``exported``: records and options of ``tacos export`` to the file written."""

SELECTED = """
CREATE TABLE tacos.selected AS
SELECT sample_id, 0 AS cluster_id, ROW_NUMBER() OVER (ORDER BY record_no DESC) AS selection_rank,
  50.5 AS judge_score, NULL::DOUBLE AS cluster_score, 'a judge' AS judge_model
FROM tacos.samples JOIN tacos.source_records USING (record_id);
CREATE TABLE tacos.cluster_labels AS SELECT 0 AS cluster_id, 'one, two' AS label;
"""


def make_warehouse(project: Context, path: Path, dataset: Path, column_mapping: str = "") -> list[str]:
    """Read a dataset into a new warehouse and keep everything, the last record first.

    Returns:
        The ids of the samples, in the order of selection.
    """
    with duckdb.connect(str(path)) as connection:
        variables = {"dataset": str(dataset), "column_mapping": column_mapping, "sample_limit": 0}
        StageRunner(project, ["source"], connection, variables).run()
        connection.execute(SELECTED)
        found = connection.execute("SELECT sample_id FROM tacos.selected ORDER BY selection_rank").fetchall()
    return [sample_id for (sample_id,) in found]


def write_lines(path: Path, records: Iterable[Any]) -> Path:
    """Write records as JSON Lines."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[Any]:
    """Read records from JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
