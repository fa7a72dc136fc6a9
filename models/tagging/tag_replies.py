"""One row per sample: what the tagging model answered, or why there is no usable answer."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest
from python_models.llm.answer_columns import ANSWER_DESCRIPTIONS, ANSWER_TYPES
from python_models.tagging.options import configured_tagging_prompts

PROMPTS = configured_tagging_prompts()
CODE_DIGEST = source_digest("tagging")


@model(
    "tacos.tag_replies",
    kind={"name": ModelKindName.INCREMENTAL_BY_TIME_RANGE, "time_column": "ingested_at", "lookback": 7},
    description="One row per sample: what the tagging model answered, or why there is no usable answer.",
    grains=["sample_id"],
    tags=["tagging", "llm"],
    columns={
        "sample_id": "text",
        "ingested_at": "date",
        "tags": "struct(tag_position int, raw_tag text, explanation text)[]",
        **ANSWER_TYPES,
        "code_digest": "text",
    },
    column_descriptions={
        **ANSWER_DESCRIPTIONS,
        "sample_id": "The tagged sample.",
        "ingested_at": "Date on which the sample came in.",
        "tags": "Tags read from the reply, in its order; empty if there is no usable reply.",
        "is_cut": "Whether the instruction was cut at max_prompt_chars.",
        "code_digest": "Digest of the code that asked and parsed.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("sample_id")]}),
        ("not_null", {"columns": [exp.column("sample_id"), exp.column("tags"), exp.column("n_attempts")]}),
        ("few_samples_without_tags", {}),
    ],
    depends_on=["tacos.samples", "tacos.source_counts"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.llm.cache.recovery import recover_replies
    from python_models.settings import project_path
    from python_models.staging import Days, deliver, read_batches
    from python_models.tagging.options import TaggingOptions
    from python_models.tagging.replies import REPLY_SCHEMA, tag_samples

    local_model = context.var("local_model")
    options = TaggingOptions(
        model_name=context.var("tagging_model"),
        prompts=PROMPTS,
        has_explanations=context.var("tag_explanations"),
        max_prompt_chars=context.var("max_prompt_chars"),
        max_attempts=context.var("max_attempts"),
        effort=context.var("tagging_effort"),
        max_reply_tokens=context.var("tagging_max_reply_tokens"),
        local_model=project_path(local_model) if local_model else None,
    )
    samples = (
        exp.select("sample_id", "instruction", "system_prompt", "ingested_at")
        .from_(context.resolve_table("tacos.samples"))
        .where(f"ingested_at BETWEEN CAST('{start:%Y-%m-%d}' AS DATE) AND CAST('{end:%Y-%m-%d}' AS DATE)")
        .order_by("sample_id")
    )
    n_total = context.fetchdf(exp.select("COUNT(*) AS n").from_(samples.subquery("samples")))["n"].item()
    recover_replies(context)
    replies = tag_samples(read_batches(context, samples), options, n_total)
    days = Days("tacos.tag_replies", "ingested_at", start.date(), end.date())
    yield from deliver(context, replies, REPLY_SCHEMA, {"code_digest": CODE_DIGEST}, days)
