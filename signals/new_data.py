"""When there is nothing to do: the reader of the dataset waits for news, and with it whatever reads from it.

A model that reads from no other one of the project asks for itself.
"""

from __future__ import annotations

import ast
from typing import Any

from sqlmesh import signal


@signal()
def something_is_new(batch: Any, snapshot: Any, context: Any) -> bool:
    """Whether anything that a run of production would read differs from what the last whole run read and left.

    Always so for a restatement, for another environment than production, and for a plan that changes a model.
    """
    import sys

    from python_models.last_run.receipt import is_new

    adapter = context.engine_adapter
    if adapter.dialect != "duckdb":
        return True
    snapshots = context.snapshots.values()
    stored = [model.python_env.get("__sqlmesh__vars__") for s in snapshots if (model := s.model_or_none)]
    variables = {name: value for found in stored if found for name, value in ast.literal_eval(found.payload).items()}
    models = sorted({str(variables.get(name) or "") for name in ("local_model", "embedding_model")})
    versions = " ".join(sorted(f"{s.name} {s.identifier}" for s in snapshots))
    if is_new(adapter.fetchall, variables["dataset"], models, versions) or context.is_restatement:
        return True
    if '"source_records"' in snapshot.name:  # said once, whoever else waits
        print("Nothing is new since the last run: the tables stay as it left them.", file=sys.stderr)
    return False
