"""One row per tag that Unicode normalization changes."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("normalization/unicode_forms")


@model(
    "tacos_internal.tag_unicode_forms",
    kind={"name": ModelKindName.FULL},
    description="One row per tag that Unicode normalization changes: the rule unicode, which SQL engines do not have.",
    grains=["text"],
    tags=["normalization"],
    columns={"text": "text", "normal_form": "text", "code_digest": "text"},
    column_descriptions={
        "text": "The tag as written.",
        "normal_form": "The tag in the form NFKC, without invisible characters.",
        "code_digest": "Digest of the code that normalized it.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("text")]}),
        ("not_null", {"columns": [exp.column("text"), exp.column("normal_form")]}),
    ],
    depends_on=["tacos_internal.tag_texts"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.normalization.unicode_forms import SCHEMA, changed_forms
    from python_models.staging import deliver, read_batches

    if not context.var("rule_unicode"):
        yield from deliver(context, [], SCHEMA, {"code_digest": CODE_DIGEST})
        return
    texts = (
        exp.select("text")
        .from_(context.resolve_table("tacos_internal.tag_texts"))
        .where(exp.RegexpLike(this=exp.column("text"), expression=exp.Literal.string("[^ -~]")))
        .order_by("text")
    )
    changed = changed_forms(read_batches(context, texts, 50_000))
    yield from deliver(context, changed, SCHEMA, {"code_digest": CODE_DIGEST})
