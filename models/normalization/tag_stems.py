"""One row per word that the stemmer changes."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("normalization/stemming")


@model(
    "tacos_internal.tag_stems",
    kind={"name": ModelKindName.FULL},
    description="One row per word of the cleaned tags that the stemmer changes, with its stem.",
    grains=["word"],
    tags=["normalization"],
    columns={"word": "text", "stem": "text", "code_digest": "text"},
    column_descriptions={
        "word": "A word of a cleaned tag.",
        "stem": "Its stem in the language of the variable stemming_language.",
        "code_digest": "Digest of the code that stemmed it.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("word")]}),
        ("not_null", {"columns": [exp.column("word"), exp.column("stem")]}),
    ],
    depends_on=["tacos_internal.tag_spellings"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.normalization.stemming import SCHEMA, changed_words
    from python_models.staging import deliver, read_batches

    language, scope = context.var("stemming_language"), context.var("stemming_scope")
    if not context.var("rule_stemming"):
        yield from deliver(context, [], SCHEMA, {"code_digest": CODE_DIGEST})
        return
    split = exp.select(exp.alias_(exp.Explode(this=exp.func("SPLIT", exp.column("cleaned_tag"), "' '")), "word")).from_(
        context.resolve_table("tacos_internal.tag_spellings")
    )
    words = exp.select("word").distinct().from_(split.subquery("words")).where("word <> ''").order_by("word")
    changed = changed_words(read_batches(context, words, 50_000), language, scope)
    yield from deliver(context, changed, SCHEMA, {"code_digest": CODE_DIGEST})
