"""One row per normalized tag: the cluster it belongs to."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("clustering/kmeans")


@model(
    "tacos.tag_clusters",
    kind={"name": ModelKindName.FULL},
    description="One row per normalized tag: the k-means cluster of its embedding. Tags count as often as they occur.",
    grains=["normalized_tag"],
    tags=["clustering"],
    columns={
        "normalized_tag": "text",
        "cluster_id": "int",
        "distance_to_centroid": "double",
        "n_samples": "bigint",
        "code_digest": "text",
    },
    column_descriptions={
        "normalized_tag": "The tag.",
        "cluster_id": "Cluster, from 0: at the first fit 0 holds the most tag occurrences; a refit keeps the ids.",
        "distance_to_centroid": "Euclidean distance between the unit vector and the centroid, 0 to 2.",
        "n_samples": "Number of samples that carry the tag: its weight.",
        "code_digest": "Digest of the code that clustered.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("normalized_tag")]}),
        ("not_null", {"columns": [exp.column("cluster_id"), exp.column("distance_to_centroid")]}),
        ("accepted_range", {"column": exp.column("distance_to_centroid"), "min_v": 0, "max_v": 2}),
    ],
    depends_on=["tacos_internal.tag_embeddings"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.clustering.kmeans import cluster_tags_once

    tags = context.fetchdf(
        exp.select("normalized_tag", "n_samples", "embedding")
        .from_(context.resolve_table("tacos_internal.tag_embeddings"))
        .order_by("normalized_tag")
    )
    if tags.empty:
        yield from ()
        return
    # The table as the last run left it (empty at first): only its clusters are read, as the start of the next fit.
    previous = context.fetchdf(
        exp.select("normalized_tag", "cluster_id", "n_samples").from_(context.resolve_table("tacos.tag_clusters"))
    )
    clusters = cluster_tags_once(
        tags, context.var("n_clusters"), context.var("random_seed"), context.var("cluster_refit"), previous
    )
    yield clusters.assign(code_digest=CODE_DIGEST)
