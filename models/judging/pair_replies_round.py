"""One row per ordered pair of a round: what the judge answered, or why there is no usable answer."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest
from python_models.judging.reply_columns import REPLY_DESCRIPTIONS, REPLY_TYPES
from python_models.prompts import judging_prompts

PROMPTS = judging_prompts()
CODE_DIGEST = source_digest("judging/pairs", "judging/judges")


@model(
    "tacos_internal.pair_replies_@judging_round",
    blueprints="@judging_rounds()",
    kind={"name": ModelKindName.FULL},
    description="One row per ordered pair of the round: what the judge answered, or why there is no usable answer.",
    grains=["pair_id"],
    tags=["judging", "llm"],
    columns=REPLY_TYPES,
    column_descriptions={
        **REPLY_DESCRIPTIONS,
        "raw_reply": "The last reply as received; of the offline heuristic its features as JSON; NULL if none came.",
        "n_attempts": "Replies asked for until one could be read, cached ones included; 0 for the offline heuristic.",
        "model_name": "The judge: a model, or the offline heuristic, which is not an LLM judge.",
        "request_key": "Key of the reply in the response cache; NULL for the offline heuristic.",
        "requested_at": "When the reply was received from the judge (UTC); NULL for the offline heuristic.",
        "prompt_sha256": "sha256 of the prompt file that was used; NULL for the offline heuristic.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("pair_id")]}),
        ("not_null", {"columns": [exp.column("pair_id"), exp.column("model_name"), exp.column("n_attempts")]}),
        ("judging_failures_are_few", {}),
        ("every_pair_has_one_reply", {}),
    ],
    depends_on=["tacos_internal.pairs_@judging_round", "tacos.samples"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.judging.judges import Judge, judge_of_round
    from python_models.judging.pairs import REPLY_SCHEMA, JudgingOptions, judge_pairs, pairs_with_texts
    from python_models.llm.cache.recovery import recover_replies
    from python_models.staging import deliver, read_batches

    judging_round = int(str(context.blueprint_var("judging_round")))  # a SQL literal
    judge = judge_of_round(
        judging_round,
        first=Judge(context.var("judge_model"), context.var("judge_effort")),
        final=Judge(context.var("final_judge_model"), context.var("final_judge_effort")),
    )
    options = JudgingOptions(
        model_name=judge.model_name,
        prompts=PROMPTS,
        max_prompt_chars=context.var("max_prompt_chars"),
        max_attempts=context.var("max_attempts"),
        effort=judge.effort,
        max_reply_tokens=context.var("judge_max_reply_tokens"),
    )
    pairs_table = context.resolve_table(f"tacos_internal.pairs_{judging_round}")
    pairs = pairs_with_texts(pairs_table, context.resolve_table("tacos.samples"))
    n_total = context.fetchdf(exp.select("COUNT(*) AS n").from_(pairs_table))["n"].item()
    recover_replies(context)
    replies = judge_pairs(read_batches(context, pairs), options, n_total)
    yield from deliver(context, replies, REPLY_SCHEMA, {"code_digest": CODE_DIGEST})
