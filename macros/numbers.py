"""Numbers that are the same on every engine, as SQL expressions: see python_models/portable.py for the why."""

from sqlglot import exp
from sqlmesh import macro

from python_models.portable import mean_sql, millionths_sql, rounded_sql


@macro()
def rounded(evaluator, value: exp.Expression, digits: exp.Expression) -> str:
    """A number to so many decimals, halves up, as a double."""
    return rounded_sql(value.sql(dialect="duckdb"), int(digits.name))


@macro()
def millionths(evaluator, value: exp.Expression) -> str:
    """A number to six decimals, halves up, as a decimal, which can be summed in any order."""
    return millionths_sql(value.sql(dialect="duckdb"))


@macro()
def mean(evaluator, value: exp.Expression) -> str:
    """The mean of decimals or whole numbers as a double, whatever the order of the rows; an aggregate."""
    return mean_sql(value.sql(dialect="duckdb"))
