"""What clusters are made of, and how many of them are summed side by side, as SQL that an auditor can read."""

from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import SQLMeshError

_CHOICES = ("samples", "tags")

_SEATS = 25
"""Clusters that one row holds. Groups of sample and cluster are 25 times as many, and so is the time to sum them."""


@macro()
def cluster_on(evaluator) -> exp.Expression:
    """What is clustered, samples or tags; any other value of the variable is refused by name."""
    given = evaluator.var("cluster_on")
    if given not in _CHOICES:
        raise SQLMeshError(f"The variable cluster_on must be one of {', '.join(_CHOICES)}, but it is {given!r}.")
    return exp.Literal.string(given)


@macro()
def cluster_block(evaluator, cluster_id: exp.Expression) -> str:
    """The first cluster of the row that holds the cluster."""
    column = cluster_id.sql(dialect="duckdb")
    return f"({column} - MOD({column}, {_SEATS}))"


@macro()
def seat_values(evaluator, cluster_id: exp.Expression, value: exp.Expression) -> list[str]:
    """The value of every cluster of a row, in a column each; NULL where there are fewer clusters."""
    column, given = cluster_id.sql(dialect="duckdb"), value.sql(dialect="duckdb")
    return [f"MAX(CASE WHEN MOD({column}, {_SEATS}) = {seat} THEN {given} END) AS seat_{seat}" for seat in _seats()]


@macro()
def seat_sums(evaluator) -> list[str]:
    """The sums of the columns of ``seat_values``."""
    return [f"SUM(seat_{seat}) AS seat_{seat}" for seat in _seats()]


@macro()
def best_seat(evaluator) -> str:
    """Which column holds the largest value, the first of equals."""
    return f"CASE {_best()} {' '.join(f'WHEN seat_{seat} THEN {seat}' for seat in _seats())} END"


@macro()
def best_seat_value(evaluator) -> str:
    """The largest value."""
    return _best()


def _best() -> str:
    return f"GREATEST({', '.join(f'seat_{seat}' for seat in _seats())})"


def _seats() -> range:
    return range(_SEATS)
