"""One row per candidate judged alone: a baseline for the comparisons, filled on request only."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest
from python_models.prompts import prompt_text

PROMPTS = {"judge": prompt_text("judge_single.txt"), "schema": prompt_text("judge_single_reply.schema.json")}
CODE_DIGEST = source_digest("judging", "llm/replies", "llm/answer_text", "llm/effort", "llm/fence")


@model(
    "tacos_internal.singleton_scores",
    kind={"name": ModelKindName.FULL},
    description="One row per candidate judged alone, if has_singleton_scores is true: a baseline for the comparisons.",
    grains=["sample_id"],
    tags=["judging", "llm"],
    columns={
        "sample_id": "text",
        "score": "int",
        "raw_reply": "text",
        "error": "text",
        "model_name": "text",
        "request_key": "text",
        "is_cached": "boolean",
        "code_digest": "text",
    },
    column_descriptions={
        "sample_id": "The judged sample.",
        "score": "Score (1-100, higher is better); NULL if there is no usable reply.",
        "raw_reply": "The reply as received; NULL if none came, and for the offline heuristic.",
        "error": "Why there is no usable reply, beginning with the kind of the error; NULL if there is one.",
        "model_name": "The judge: a model, or the offline heuristic, which is not an LLM judge.",
        "request_key": "Key of the reply in the response cache; NULL for the offline heuristic.",
        "is_cached": "Whether the reply had been paid for, or computed, before.",
        "code_digest": "Digest of the code that asked and parsed.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("sample_id")]}),
        ("not_null", {"columns": [exp.column("sample_id"), exp.column("model_name")]}),
    ],
    depends_on=["tacos_internal.memberships", "tacos.samples"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.judging.pairs import JudgingOptions
    from python_models.judging.singletons import SCORE_SCHEMA, candidates_with_texts, judge_alone
    from python_models.llm.cache.recovery import recover_replies
    from python_models.staging import deliver, read_batches

    if not context.var("has_singleton_scores"):
        yield from deliver(context, [], SCORE_SCHEMA, {"code_digest": CODE_DIGEST})
        return
    options = JudgingOptions(
        model_name=context.var("judge_model"),
        prompts=PROMPTS,
        max_prompt_chars=context.var("max_prompt_chars"),
        max_attempts=context.var("max_attempts"),
        effort=context.var("judge_effort"),
        max_reply_tokens=context.var("judge_max_reply_tokens"),
    )
    candidates = candidates_with_texts(
        context.resolve_table("tacos_internal.memberships"), context.resolve_table("tacos.samples")
    )
    n_total = context.fetchdf(exp.select("COUNT(*) AS n").from_(candidates.subquery("candidates")))["n"].item()
    recover_replies(context)
    scores = judge_alone(read_batches(context, candidates), options, n_total)
    yield from deliver(context, scores, SCORE_SCHEMA, {"code_digest": CODE_DIGEST})
