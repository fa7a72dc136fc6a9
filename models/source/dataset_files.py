"""One row per input file of the dataset, counted by a pass of its own: what `source_records` has to hold."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("source")


@model(
    "tacos_internal.dataset_files",
    kind={"name": ModelKindName.FULL},
    description="One row per file of the dataset as it is now (or its table); also those not read, with the reason.",
    grains=["source_file"],
    tags=["source"],
    columns={
        "source_file": "text",
        "format": "text",
        "problem": "text",
        "n_bytes": "bigint",
        "modified_at": "timestamp",
        "n_records": "bigint",
        "records_digest": "text",
        "code_digest": "text",
    },
    column_descriptions={
        "source_file": "File, relative to the dataset's folder; of a table its schema and name.",
        "format": "Container and record format, e.g. jsonl/alpaca, table/messages; NULL if the file is not read.",
        "problem": "Why the file is not read, such as an unknown ending; NULL if it is. It has no records then.",
        "n_bytes": "Size on disk in bytes; NULL of a table.",
        "modified_at": "When the file was last modified (UTC); NULL of a table.",
        "n_records": "Records in the file, usable or not; 0 if it is not read.",
        "records_digest": "Digest of the ids of its records: another one means that a record was edited.",
        "code_digest": "Digest of the code that read the file.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("source_file")]}),
        ("not_null", {"columns": [exp.column("n_records"), exp.column("records_digest")]}),
    ],
    # Not read, but first: the files are compared with what was read, so a restatement has to describe them anew.
    depends_on=["tacos.source_records"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from functools import partial

    from python_models.source.records import describe_files
    from python_models.staging import frame_result, read_arrow

    files = describe_files(context.var("dataset"), context.var("column_mapping"), partial(read_arrow, context))
    frame = pd.DataFrame(files).astype({"n_bytes": "Int64", "modified_at": "datetime64[us]"})
    yield frame_result(context, frame.assign(code_digest=CODE_DIGEST))
