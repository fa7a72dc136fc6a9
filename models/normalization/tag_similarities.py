"""One row per tag that is merged into a tag of nearly the same meaning; off unless a threshold is set."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("normalization/similarity", "embedded/embedding")
COLUMNS = {
    "canonical_tag": "text",
    "similar_tag": "text",
    "cosine_similarity": "double",
    "embedding_model": "text",
    "code_digest": "text",
}


@model(
    "tacos_internal.tag_similarities",
    kind={"name": ModelKindName.FULL},
    description="One row per kept tag that is merged into a more frequent one because their embeddings are near; "
    "none unless semantic_min_similarity is set.",
    grains=["canonical_tag"],
    tags=["normalization"],
    columns=COLUMNS,
    column_descriptions={
        "canonical_tag": "The tag that is merged; association did not merge it.",
        "similar_tag": "The nearest tag that is on more samples.",
        "cosine_similarity": "Cosine of their embeddings, at least semantic_min_similarity, at most 1.",
        "embedding_model": "Model that embedded them.",
        "code_digest": "Digest of the code that compared them.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("canonical_tag")]}),
        ("not_null", {"columns": [exp.column("similar_tag"), exp.column("cosine_similarity")]}),
    ],
    depends_on=["tacos.tag_frequencies", "tacos.tag_associations"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.staging import empty_result, frame_result

    min_similarity = context.var("semantic_min_similarity")
    embedding_model = context.var("embedding_model")
    if not min_similarity:
        yield empty_result(COLUMNS)
        return
    from python_models.normalization.similarity import nearest_more_frequent

    merged = exp.select("antecedent").from_(context.resolve_table("tacos.tag_associations")).where("is_merge")
    tags = context.fetchdf(
        exp.select("canonical_tag", "n_samples")
        .from_(context.resolve_table("tacos.tag_frequencies"))
        .where("is_kept")
        .where(exp.not_(exp.column("canonical_tag").isin(query=merged)))
        .order_by("n_samples DESC", "canonical_tag")
    )
    similar = nearest_more_frequent(tags["canonical_tag"].tolist(), embedding_model, min_similarity)
    if similar.empty:
        yield empty_result(COLUMNS)
        return
    yield frame_result(context, similar.assign(embedding_model=embedding_model, code_digest=CODE_DIGEST))
