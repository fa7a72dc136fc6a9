"""A way for an audit to say what was found and what mends it, in the words of the user."""

from sqlglot import exp
from sqlmesh import macro


@macro()
def fail(evaluator, message: exp.Expression) -> str:
    """Stop the query with the message: ERROR() in DuckDB, RAISE_ERROR() in Spark.

    Put it behind the THEN of a CASE: an engine may evaluate the sides of an AND in any order, and before a join.
    """
    function = "RAISE_ERROR" if evaluator.dialect in ("spark", "databricks") else "ERROR"
    return f"{function}({message.sql(dialect=evaluator.dialect)})"
