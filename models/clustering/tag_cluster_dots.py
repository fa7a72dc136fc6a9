"""One row per tag and cluster: how far the tag points towards the centroid."""

import typing as t
from datetime import datetime

from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("clustering/centroids")
COLUMNS = {"tag": "text", "cluster_id": "int", "dot": "double", "code_digest": "text"}


@model(
    "tacos_internal.tag_cluster_dots",
    kind={"name": ModelKindName.FULL},
    description="One row per tag that places a sample and cluster: the dot product of its vector and the centroid.",
    grains=["tag", "cluster_id"],
    tags=["clustering"],
    columns=COLUMNS,
    column_descriptions={
        "tag": "The tag.",
        "cluster_id": "The cluster.",
        "dot": "Dot product, -1 to 1, rounded to 8 decimals.",
        "code_digest": "Digest of the code that multiplied.",
    },
    audits=[
        ("unique_combination_of_columns", {"columns": [exp.column("tag"), exp.column("cluster_id")]}),
        ("not_null", {"columns": [exp.column("dot")]}),
    ],
    depends_on=["tacos_internal.tag_embeddings", "tacos_internal.cluster_centroids"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[t.Any]:
    from python_models.clustering.centroids import dot_rows
    from python_models.staging import empty_result, frame_result

    tags = context.fetchdf(
        exp.select("tag", "embedding").from_(context.resolve_table("tacos_internal.tag_embeddings")).order_by("tag")
    )
    centroids = context.fetchdf(
        exp.select("cluster_id", "centroid")
        .from_(context.resolve_table("tacos_internal.cluster_centroids"))
        .order_by("cluster_id")
    )
    if tags.empty or centroids.empty:
        yield empty_result(COLUMNS)
        return
    yield frame_result(context, dot_rows(tags, centroids).assign(code_digest=CODE_DIGEST))
