"""One row per input record: the dataset as read, with what cannot be used and why."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("source")


@model(
    "tacos.source_records",
    kind={"name": ModelKindName.INCREMENTAL_BY_TIME_RANGE, "time_column": "ingested_at", "lookback": 7},
    description="One row per input record: what was read, and why it cannot be used if it cannot.",
    grains=["record_id"],
    tags=["source"],
    # All other models read from this one, so that without anything new none of them is executed.
    signals=[("something_is_new", {})],
    columns={
        "record_id": "text",
        "source_file": "text",
        "record_no": "bigint",
        "format": "text",
        "instruction": "text",
        "response": "text",
        "system_prompt": "text",
        "conversation": "text",
        "n_turns": "int",
        "error": "text",
        "record_date": "date",
        "ingested_at": "date",
        "code_digest": "text",
    },
    column_descriptions={
        "record_id": "md5 of file, record number and content: the same record read again keeps its id.",
        "source_file": "File, relative to the dataset's folder; of a table its schema and name.",
        "record_no": "Number of the record in its file, from 1; of a table in the order in which it is read.",
        "format": "Format the record was recognised as: alpaca, sharegpt, messages, pair; NULL if none.",
        "instruction": "What the user asks, all user turns joined by a blank line; NULL if the record is unusable.",
        "response": "What the assistant answers, all its turns joined by a blank line; NULL if unusable.",
        "system_prompt": "The system prompt, several joined by a blank line; NULL if there is none, or if unusable.",
        "conversation": "The original record as JSON, whole; of an unreadable record the first 10,000 characters.",
        "n_turns": "Number of user turns; NULL if the record is unusable.",
        "error": "Why the record cannot be used; NULL if it can.",
        "record_date": "The record's own date (UTC); NULL if it has none.",
        "ingested_at": "Day on which the record was first seen (UTC): the last day of the range processed then.",
        "code_digest": "Digest of the code that read the record.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("record_id")]}),
        ("not_null", {"columns": [exp.column("record_id"), exp.column("source_file"), exp.column("record_no")]}),
    ],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from functools import partial

    from python_models.source.first_seen import DATED_SCHEMA, give_dates, read_first_seen
    from python_models.source.records import read_records
    from python_models.staging import Days, deliver, read_arrow

    records = read_records(context.var("dataset"), context.var("column_mapping"), partial(read_arrow, context))
    first_seen = read_first_seen(context, "tacos.source_records")
    dated = give_dates(records, first_seen, start.date(), end.date(), execution_time.date())
    days = Days("tacos.source_records", "ingested_at", start.date(), end.date())
    yield from deliver(context, dated, DATED_SCHEMA, {"code_digest": CODE_DIGEST}, days)
