"""One row per measured cluster, and one for all of them: how alike the instructions of their samples are."""

import typing as t
from datetime import datetime

from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("diagnostics/coherence", "embedded/embedding")
COLUMNS = {
    "cluster_id": "int",
    "n_measured": "bigint",
    "mean_cosine": "double",
    "random_cosine": "double",
    "z_score": "double",
    "p_value": "double",
    "silhouette": "double",
    "embedding_model": "text",
    "code_digest": "text",
}


@model(
    "tacos_internal.coherence_measures",
    kind={"name": ModelKindName.FULL},
    description="One row per measured cluster, and one for all: how alike the instructions of its samples are, "
    "on at most coherence_sample_size samples chosen by hash.",
    grains=["cluster_id"],
    tags=["diagnostics"],
    columns=COLUMNS,
    column_descriptions={
        "cluster_id": "The cluster; NULL in the row for all.",
        "n_measured": "Samples measured.",
        "mean_cosine": "Mean cosine between the instructions of two of them, -1 to 1.",
        "random_cosine": "The same of random groups of the same size, on average.",
        "z_score": "Standard deviations of the random groups by which mean_cosine lies above them.",
        "p_value": "Share of the groupings that are at least as coherent, this one among them.",
        "silhouette": "Mean silhouette of the samples, -1 to 1, by cosine distance.",
        "embedding_model": "Model that embedded the instructions.",
        "code_digest": "Digest of the code that measured.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("cluster_id")]}),
        ("not_null", {"columns": [exp.column("n_measured")]}),
        ("accepted_range", {"column": exp.column("mean_cosine"), "min_v": -1, "max_v": 1}),
        ("accepted_range", {"column": exp.column("silhouette"), "min_v": -1, "max_v": 1}),
        ("accepted_range", {"column": exp.column("p_value"), "min_v": 0, "max_v": 1}),
    ],
    depends_on=["tacos.samples", "tacos.clusters"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[t.Any]:
    from python_models.diagnostics.coherence import cluster_coherence, instruction_vectors, read_instructions
    from python_models.staging import empty_result

    samples = read_instructions(context, context.var("coherence_sample_size"))
    if samples.empty:
        yield empty_result(COLUMNS)
        return
    embedding_model = context.var("embedding_model")
    vectors = instruction_vectors(samples["instruction"].tolist(), embedding_model)
    measured = cluster_coherence(vectors, samples["cluster_id"].to_numpy(), context.var("random_seed"))
    yield measured.assign(embedding_model=embedding_model, code_digest=CODE_DIGEST)
