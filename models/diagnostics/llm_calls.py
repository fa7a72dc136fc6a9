"""One row per reply in the response cache: what was asked, what it took, what it cost."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("diagnostics/llm_calls", "llm/spending/prices")


@model(
    "tacos.llm_calls",
    kind={"name": ModelKindName.FULL},
    description="One row per reply in the response cache, of all environments: what was asked, what it took and cost.",
    grains=["request_key"],
    tags=["diagnostics"],
    columns={
        "request_key": "text",
        "stage": "text",
        "model_name": "text",
        "attempt": "int",
        "finish_reason": "text",
        "n_prompt_tokens": "bigint",
        "n_cached_prompt_tokens": "bigint",
        "n_cache_write_tokens": "bigint",
        "n_completion_tokens": "bigint",
        "latency_ms": "double",
        "cost_usd": "double",
        "payment": "text",
        "requested_at": "timestamp",
        "code_digest": "text",
    },
    column_descriptions={
        "request_key": "Key of the reply in the cache, as in tag_replies and pair_replies.",
        "stage": "The stage that asked: tagging, judging, singletons, wordings, second_judge.",
        "model_name": "The model that answered, if its price is known, else the one that was asked.",
        "attempt": "The how-manieth reply to the same question, from 1: others could not be read.",
        "finish_reason": "Why the reply ended, as the endpoint says: stop, length, content_filter.",
        "n_prompt_tokens": "Tokens of the request; NULL if the endpoint does not say.",
        "n_cached_prompt_tokens": "The part of them that the endpoint had cached.",
        "n_cache_write_tokens": "The part of them that it wrote to its cache, which may cost more; NULL if unsaid.",
        "n_completion_tokens": "Tokens of the reply; NULL if the endpoint does not say.",
        "latency_ms": "Milliseconds from sending to the whole reply; NULL through the batch API.",
        "cost_usd": "US dollars at the prices of model_prices; 0 for local models; NULL if the price is unknown.",
        "payment": "How it was paid: here, batch (half the price), imported (elsewhere), free (a local model).",
        "requested_at": "When the request was sent (UTC).",
        "code_digest": "Digest of the code that computed the cost.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("request_key")]}),
        ("not_null", {"columns": [exp.column("stage"), exp.column("model_name"), exp.column("attempt")]}),
    ],
    depends_on=[
        "tacos.tag_replies",
        "tacos.pair_replies",
        "tacos_internal.singleton_scores",
        "tacos_internal.wording_replies",
        "tacos_internal.second_judge_replies",
        "tacos_internal.model_prices",
    ],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.diagnostics.llm_calls import CALL_SCHEMA, cached_calls
    from python_models.staging import deliver

    yield from deliver(context, cached_calls(), CALL_SCHEMA, {"code_digest": CODE_DIGEST})
