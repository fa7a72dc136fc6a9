"""One row per tag that places a sample: its position in the space of meanings."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("embedded/embedding")
COLUMNS = {
    "tag": "text",
    "is_normalized": "boolean",
    "n_samples": "bigint",
    "embedding": "float[]",
    "embedding_model": "text",
    "code_digest": "text",
}


@model(
    "tacos_internal.tag_embeddings",
    kind={"name": ModelKindName.FULL},
    description="One row per tag that places a sample: its embedding, and how often it occurs.",
    grains=["tag"],
    tags=["clustering"],
    columns=COLUMNS,
    column_descriptions={
        "tag": "The tag.",
        "is_normalized": "Whether it is a normalized tag; false for rare tags of samples that have no other.",
        "n_samples": "Number of samples that it places.",
        "embedding": "Unit vector of the tag's text.",
        "embedding_model": "Model that computed it.",
        "code_digest": "Digest of the code that embedded.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("tag")]}),
        ("not_null", {"columns": [exp.column("embedding"), exp.column("n_samples")]}),
    ],
    depends_on=["tacos_internal.placement_tags"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.embedded.embedding import embed_tags
    from python_models.staging import empty_result, frame_result

    embedding_model = context.var("embedding_model")
    tags = context.fetchdf(
        exp.select("tag", "MAX(is_normalized) AS is_normalized", "COUNT(*) AS n_samples")
        .from_(context.resolve_table("tacos_internal.placement_tags"))
        .group_by("tag")
        .order_by("tag")
    )
    if tags.empty:
        yield empty_result(COLUMNS)
        return
    vectors = embed_tags(tags["tag"].tolist(), embedding_model)
    constants = {"embedding_model": embedding_model, "code_digest": CODE_DIGEST}
    yield frame_result(context, tags.assign(embedding=list(vectors.tolist()), **constants))
