"""A way for an audit to say what was found and what mends it, in the words of the user."""

from sqlglot import exp
from sqlmesh import macro


@macro()
def fail(evaluator, message: exp.Expression) -> str:
    """An expression that stops the query with the message: ERROR() in DuckDB, RAISE_ERROR() in Spark."""
    function = "RAISE_ERROR" if evaluator.dialect in ("spark", "databricks") else "ERROR"
    return f"{function}({message.sql(dialect=evaluator.dialect)})"
