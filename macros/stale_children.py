"""What every plan begins with: no table may stay as it is while what it is made from changes."""

from sqlmesh import macro
from sqlmesh.utils.errors import SQLMeshError


@macro()
def no_child_stays_stale(evaluator) -> str:
    """Stop a plan that would promote stale tables before it stores or computes anything."""
    from python_models.stale_children import stale_children

    stale = stale_children(evaluator.snapshots)
    if stale:
        child, (parent, breaking) = sorted(stale.items())[0]
        raise SQLMeshError(
            f"{len(stale)} tables would be stale, such as {child}: it reads {parent}, whose code changed but not its "
            f"SQL, so that SQLMesh would not rebuild what reads it, although {breaking} changes too. Nothing was "
            f"done. {_way_out(evaluator.this_env)}"
        )
    return "SELECT 1 AS n_checked"


def _way_out(environment: str) -> str:
    if environment != "prod":  # tacos run is for production
        return f"Plan the change of the code first, and that of the settings after it: sqlmesh plan {environment}"
    return "Plan it with: tacos run; or plan the change of the code first, and that of the settings after it."
