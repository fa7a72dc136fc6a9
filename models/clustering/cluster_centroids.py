"""One row per cluster: where it lies."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("clustering")
COLUMNS = {
    "cluster_id": "int",
    "centroid": "float[]",
    "squared_norm": "double",
    "cluster_on": "text",
    "embedding_model": "text",
    "code_digest": "text",
}


@model(
    "tacos_internal.cluster_centroids",
    kind={"name": ModelKindName.FULL},
    description="One row per cluster: its centroid, fitted by k-means on at most cluster_fit_size samples.",
    grains=["cluster_id"],
    tags=["clustering"],
    columns=COLUMNS,
    column_descriptions={
        "cluster_id": "Cluster, from 0: at the first fit 0 is the largest; a refit keeps the ids.",
        "centroid": "Mean of the vectors of its samples (or tags), each the mean of its tags' unit vectors.",
        "squared_norm": "Dot product of the centroid with itself, 0 to 1, to 8 decimals.",
        "cluster_on": "What was clustered: samples or tags.",
        "embedding_model": "Model of the vectors.",
        "code_digest": "Digest of the code that clustered.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("cluster_id")]}),
        ("not_null", {"columns": [exp.column("centroid"), exp.column("squared_norm")]}),
        ("accepted_range", {"column": exp.column("squared_norm"), "min_v": 0, "max_v": exp.Literal.number("1.00001")}),
    ],
    depends_on=["tacos_internal.placement_tags", "tacos_internal.tag_embeddings"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[t.Any]:
    from python_models.clustering.centroids import centroid_rows, fit_centroids_once
    from python_models.clustering.reading import production_centroids, read_points
    from python_models.staging import empty_result, frame_result

    cluster_on = context.var("cluster_on")
    points, embedding_model = read_points(context, cluster_on, context.var("cluster_fit_size"))
    if points is None:
        yield empty_result(COLUMNS)
        return
    centroids = fit_centroids_once(
        points,
        context.var("n_clusters"),
        context.var("random_seed"),
        context.var("cluster_refit"),
        production_centroids(context, cluster_on, embedding_model),
    )
    constants = {"cluster_on": cluster_on, "embedding_model": embedding_model, "code_digest": CODE_DIGEST}
    yield frame_result(context, t.cast(pd.DataFrame, centroid_rows(centroids)).assign(**constants))
