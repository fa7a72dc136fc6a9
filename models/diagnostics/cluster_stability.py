"""One row per other seed: how much of the clusters, and of the selection, is owed to the seed."""

import typing as t
from datetime import datetime

from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("clustering")
N_SAMPLES = 5_000
COLUMNS = {
    "random_seed": "int",
    "n_samples": "bigint",
    "adjusted_rand_index": "double",
    "changed_selection_share": "double",
    "code_digest": "text",
}


@model(
    "tacos.cluster_stability",
    kind={"name": ModelKindName.FULL},
    description="One row per other seed: the clusters fitted from it, compared with the project's, on at most 5,000 "
    "samples chosen by hash.",
    grains=["random_seed"],
    tags=["diagnostics"],
    columns=COLUMNS,
    column_descriptions={
        "random_seed": "The other seed: the variable and 1, or 2.",
        "n_samples": "Samples compared.",
        "adjusted_rand_index": "Agreement of the two partitions: 1 the same, 0 as by chance.",
        "changed_selection_share": "Share of the selection that the other clusters would not keep, 0 to 1, if of each "
        "cluster in turn the best by judge_score is taken.",
        "code_digest": "Digest of the code that compared.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("random_seed")]}),
        ("not_null", {"columns": [exp.column("adjusted_rand_index"), exp.column("changed_selection_share")]}),
        ("accepted_range", {"column": exp.column("changed_selection_share"), "min_v": 0, "max_v": 1}),
    ],
    depends_on=[
        "tacos_internal.placement_tags",
        "tacos_internal.tag_embeddings",
        "tacos.clusters",
        "tacos.sample_scores",
        "tacos.selected",
    ],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[t.Any]:
    from python_models.clustering.reading import read_placed, read_samples, read_tags
    from python_models.clustering.stability import seed_stability
    from python_models.staging import empty_result, frame_result

    n_samples = min(N_SAMPLES, context.var("cluster_fit_size"))
    samples = read_samples(context, n_samples)
    if samples.empty:
        yield empty_result(COLUMNS)
        return
    seeds = [context.var("random_seed") + step for step in (1, 2)]
    placed = read_placed(context, n_samples)
    stability = seed_stability(samples, read_tags(context), placed, context.var("cluster_on"), seeds)
    yield frame_result(context, stability.assign(code_digest=CODE_DIGEST))
