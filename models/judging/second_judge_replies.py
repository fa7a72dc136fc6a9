"""One row per pair of the first round that the judge of the later rounds judges as well: what it answered."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest
from python_models.judging.reply_columns import REPLY_DESCRIPTIONS, REPLY_TYPES
from python_models.prompts import second_judge_prompts

PROMPTS = second_judge_prompts()
CODE_DIGEST = source_digest("judging/second_judge")


@model(
    "tacos_internal.second_judge_replies",
    kind={"name": ModelKindName.FULL},
    description="One row per pair of the first round that the judge of the later rounds judges as well, if "
    "audit_judge_share is above 0: no score depends on it.",
    grains=["pair_id"],
    tags=["judging", "llm"],
    columns=REPLY_TYPES,
    column_descriptions=REPLY_DESCRIPTIONS,
    audits=[
        ("unique_values", {"columns": [exp.column("pair_id")]}),
        ("not_null", {"columns": [exp.column("pair_id"), exp.column("model_name"), exp.column("n_attempts")]}),
        ("pairs_judged_again_are_of_the_first_round", {}),
    ],
    depends_on=["tacos.pairs", "tacos.samples"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.judging.judges import Judge
    from python_models.judging.pairs import REPLY_SCHEMA, JudgingOptions
    from python_models.judging.second_judge import judge_first_round_again, second_judge
    from python_models.llm.cache.recovery import recover_replies
    from python_models.staging import deliver

    share = float(context.var("audit_judge_share"))
    judge = second_judge(
        1 if context.var("judging_profile") == "paper" else 3,
        first=Judge(context.var("judge_model"), context.var("judge_effort")),
        final=Judge(context.var("final_judge_model"), context.var("final_judge_effort")),
    )
    options = None
    if share and judge:
        recover_replies(context)
        options = JudgingOptions(
            model_name=judge.model_name,
            prompts=PROMPTS,
            max_prompt_chars=context.var("max_prompt_chars"),
            max_attempts=context.var("max_attempts"),
            effort=judge.effort,
            max_reply_tokens=context.var("judge_max_reply_tokens"),
        )
    replies = judge_first_round_again(context, options, share)
    yield from deliver(context, replies, REPLY_SCHEMA, {"code_digest": CODE_DIGEST})
