"""Before and after everything: the history of the selection, which no rebuild of the tables can lose."""

from sqlmesh import macro


@macro()
def selection_history(evaluator) -> str:
    """Make the tables of the history before a plan or a run; after it, record what changed, in production only."""
    from datetime import UTC, datetime

    from python_models.selection.history import make_tables, record_selection

    if evaluator.runtime_stage == "before_all":
        make_tables(evaluator.engine_adapter)
    elif evaluator.runtime_stage == "after_all" and evaluator.this_env == "prod":
        record_selection(evaluator.engine_adapter, evaluator.snapshots, datetime.now(UTC).replace(tzinfo=None))
    return "SELECT 1 AS n_recorded"
