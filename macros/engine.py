"""Where engines differ in what a function does: one macro each, which asks the engine that runs the query.

`evaluator.dialect` is that of the model, always DuckDB's. While a project loads there is no engine: then the SQL is
DuckDB's, so that a model has the same fingerprint on every engine.
"""

from sqlglot import exp
from sqlmesh import macro

from python_models.spark import drop_days, is_spark, once_condition


@macro()
def fail(evaluator, message: exp.Expression) -> str:
    """Stop the query with the message: ERROR() in DuckDB, RAISE_ERROR() in Spark.

    Put it behind the THEN of a CASE: an engine may evaluate the sides of an AND in any order, and before a join.
    """
    text = message.sql(dialect="duckdb")
    if is_spark(evaluator.locals.get("engine_adapter")):
        # Spark moves conditions below joins, and would raise for rows that the join leaves out. It does not move what
        # is not deterministic; RAND() would be optimized away.
        return f"RAISE_ERROR({text} || LEFT(CAST(UUID() AS TEXT), 0))"
    return f"ERROR({text})"


@macro()
def once(evaluator) -> exp.Expression:
    """A condition that always holds, for a step (a CTE) that several others read: Spark computes it once for all."""
    return once_condition(evaluator.locals.get("engine_adapter"))


@macro()
def clear_days(evaluator, time_column: exp.Expression) -> exp.Expression | None:
    """A statement before the query of a model by time: on Spark the days to be written are dropped first."""
    adapter = evaluator.locals.get("engine_adapter")
    if evaluator.runtime_stage != "evaluating" or not is_spark(adapter):
        return None
    table = exp.to_table(evaluator.this_model, dialect="duckdb")
    days = (evaluator.locals["start_dt"].date(), evaluator.locals["end_dt"].date())
    statement = drop_days(adapter, table, time_column.name, *days)
    return exp.Command(this="ALTER", expression=statement.removeprefix("ALTER ")) if statement else None
