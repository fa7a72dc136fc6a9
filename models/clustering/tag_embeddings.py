"""One row per normalized tag: its position in the space of meanings."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName


@model(
    "tacos_internal.tag_embeddings",
    kind={"name": ModelKindName.FULL},
    description="One row per normalized tag: its embedding, and how often it occurs.",
    grains=["normalized_tag"],
    tags=["clustering"],
    columns={
        "normalized_tag": "text",
        "n_samples": "bigint",
        "embedding": "float[]",
        "embedding_model": "text",
    },
    column_descriptions={
        "normalized_tag": "The tag.",
        "n_samples": "Number of samples that carry it.",
        "embedding": "Unit vector of the tag's text.",
        "embedding_model": "Model that computed it.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("normalized_tag")]}),
        ("not_null", {"columns": [exp.column("embedding"), exp.column("n_samples")]}),
    ],
    depends_on=["tacos.normalized_tags"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.embedded.embedding import embed_tags

    embedding_model = context.var("embedding_model")
    tags = context.fetchdf(
        exp.select("normalized_tag", "COUNT(*) AS n_samples")
        .from_(context.resolve_table("tacos.normalized_tags"))
        .group_by("normalized_tag")
        .order_by("normalized_tag")
    )
    if tags.empty:
        yield from ()
        return
    vectors = embed_tags(tags["normalized_tag"].tolist(), embedding_model)
    yield tags.assign(embedding=list(vectors.tolist()), embedding_model=embedding_model)
