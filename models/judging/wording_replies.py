"""One row per pair that is judged in other words as well: what the judge answered to the other wording."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest
from python_models.judging.reply_columns import REPLY_DESCRIPTIONS, REPLY_TYPES
from python_models.prompts import other_wording_prompts

PROMPTS = other_wording_prompts()
CODE_DIGEST = source_digest("judging/wordings")


@model(
    "tacos_internal.wording_replies",
    kind={"name": ModelKindName.FULL},
    description="One row per pair that is judged in the other wording as well, by the same judge, if "
    "audit_wording_share is above 0: no score depends on it.",
    grains=["pair_id"],
    tags=["judging", "llm"],
    columns=REPLY_TYPES,
    column_descriptions=REPLY_DESCRIPTIONS,
    audits=[
        ("unique_values", {"columns": [exp.column("pair_id")]}),
        ("not_null", {"columns": [exp.column("pair_id"), exp.column("model_name"), exp.column("n_attempts")]}),
        ("other_wordings_are_of_judged_pairs", {}),
    ],
    depends_on=["tacos.pairs", "tacos.samples"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.judging.judges import Judge
    from python_models.judging.pairs import REPLY_SCHEMA, JudgingOptions
    from python_models.judging.wordings import judge_in_other_words, rounds_by_judge
    from python_models.llm.cache.recovery import recover_replies
    from python_models.staging import deliver

    share = float(context.var("audit_wording_share"))
    judges = rounds_by_judge(
        1 if context.var("judging_profile") == "paper" else 3,
        first=Judge(context.var("judge_model"), context.var("judge_effort")),
        final=Judge(context.var("final_judge_model"), context.var("final_judge_effort")),
    )
    options = [
        JudgingOptions(
            model_name=one.judge.model_name,
            prompts=PROMPTS,
            max_prompt_chars=context.var("max_prompt_chars"),
            max_attempts=context.var("max_attempts"),
            effort=one.judge.effort,
            max_reply_tokens=context.var("judge_max_reply_tokens"),
        )
        for one in judges
        if share
    ]
    if share:
        recover_replies(context)
    replies = judge_in_other_words(context, [one.rounds for one in judges], options, share)
    yield from deliver(context, replies, REPLY_SCHEMA, {"code_digest": CODE_DIGEST})
