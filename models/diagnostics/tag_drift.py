"""One row per merged raw tag, the most frequent of every action: how far the merge moved its meaning."""

import typing as t
from datetime import datetime

import pandas as pd
from sqlglot import exp
from sqlmesh import ExecutionContext, model
from sqlmesh.core.model.kind import ModelKindName

from python_models.digest import source_digest

CODE_DIGEST = source_digest("diagnostics/drift", "embedded/embedding")
COLUMNS = {
    "raw_tag": "text",
    "normalized_tag": "text",
    "action": "text",
    "n_occurrences": "bigint",
    "cosine_similarity": "double",
    "embedding_model": "text",
    "code_digest": "text",
}


@model(
    "tacos.tag_drift",
    kind={"name": ModelKindName.FULL},
    description="One row per merged raw tag, of every action the drift_max_tags most frequent: how far the merge moved "
    "its meaning, as embeddings see it.",
    grains=["raw_tag"],
    tags=["diagnostics"],
    columns=COLUMNS,
    column_descriptions={
        "raw_tag": "The tag as written by the model.",
        "normalized_tag": "The tag that stands for it.",
        "action": "What merged it, as in tag_map.",
        "n_occurrences": "How often the raw tag was written.",
        "cosine_similarity": "Cosine of the embeddings of the two tags, at most 1; low values are doubtful merges.",
        "embedding_model": "Model that embedded them.",
        "code_digest": "Digest of the code that compared them.",
    },
    audits=[
        ("unique_values", {"columns": [exp.column("raw_tag")]}),
        ("not_null", {"columns": [exp.column("cosine_similarity"), exp.column("action")]}),
    ],
    depends_on=["tacos.tag_map"],
)
def execute(
    context: ExecutionContext, start: datetime, end: datetime, execution_time: datetime, **kwargs: t.Any
) -> t.Iterator[pd.DataFrame]:
    from python_models.staging import empty_result, frame_result

    embedding_model, max_tags = context.var("embedding_model"), int(context.var("drift_max_tags"))
    ranked = (
        exp.select(
            "raw_tag",
            "normalized_tag",
            "action",
            "n_occurrences",
            "ROW_NUMBER() OVER (PARTITION BY action ORDER BY n_occurrences DESC, raw_tag) AS action_rank",
        )
        .from_(context.resolve_table("tacos.tag_map"))
        .where("STARTS_WITH(action, 'merged')", dialect="duckdb")
    )
    merges = context.fetchdf(
        exp.select("raw_tag", "normalized_tag", "action", "n_occurrences")
        .from_(ranked.subquery("ranked"))
        .where(f"action_rank <= {max_tags}")
        .order_by("raw_tag")
    )
    if merges.empty:
        yield empty_result(COLUMNS)
        return
    from python_models.diagnostics.drift import merge_similarities

    cosines = merge_similarities(merges["raw_tag"].tolist(), merges["normalized_tag"].tolist(), embedding_model)
    constants = {"embedding_model": embedding_model, "code_digest": CODE_DIGEST}
    yield frame_result(context, merges.assign(cosine_similarity=cosines, **constants))
