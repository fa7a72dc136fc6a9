"""Commands that an audit tells the user: they work as they stand, in whichever environment it failed."""

from sqlglot import exp
from sqlmesh import macro


@macro()
def restate_command(evaluator, model: exp.Expression, judging_round: exp.Expression | None = None) -> exp.Expression:
    """The command that makes a model's table anew, as a string; of a model of a judging round, with its number."""
    # Imported here: what a macro file imports at its top is stored as a copy, which knows nothing of this process.
    from python_models.environments import restate_command as command

    name = model.name if judging_round is None else f"{model.name}_{judging_round.name}"
    versions = [snapshot for snapshot in evaluator.snapshots.values() if snapshot.node.name == name]
    return exp.Literal.string(command(name, is_in_production=any(not found.is_paused for found in versions)))
