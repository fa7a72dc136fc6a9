"""Which SQLMesh environment this process works on: SQLMesh tells what runs before a plan or a run, but no audit."""

from __future__ import annotations

PRODUCTION = "prod"
_environment = PRODUCTION


def enter(name: str) -> None:
    """Remember the environment that is planned or run from here on."""
    global _environment
    _environment = name


def entered() -> str:
    """The environment that is planned or run; production, where none was entered."""
    return _environment


def restate_command(model: str, *, is_in_production: bool) -> str:
    """The command that makes a model's table anew, and what reads it, in the environment of this process.

    Args:
        model: name of the model.
        is_in_production: whether production has this version of the model: an environment that shares it cannot make
            its table anew, but goes on once production did. By a plan, as it may be its first one that failed.
    """
    restate = f"--restate-model {model} --run --ignore-cron"
    if _environment == PRODUCTION:
        return f"sqlmesh plan {restate}"
    if is_in_production:
        return f"sqlmesh plan {restate} && sqlmesh plan {_environment} --run --ignore-cron"
    return f"sqlmesh plan {_environment} {restate}"
