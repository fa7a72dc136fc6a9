"""One jump along chains of merged tags. Repeated n times it follows chains of up to 2^n merges, without recursion."""

# ruff: noqa: S608 - writing SQL is what macros are for

from sqlglot import exp
from sqlmesh import macro

from python_models.spark import once_condition


@macro()
def alias_jump(evaluator, previous: exp.Expression) -> str:
    """Every tag with the target of its target; a target that is no alias itself stays."""
    return f"""
      SELECT heres.tag, COALESCE(nexts.target, heres.target) AS target
      FROM {previous.name} AS heres
      LEFT JOIN {previous.name} AS nexts ON nexts.tag = heres.target
      WHERE {once_condition(evaluator.locals.get("engine_adapter")).sql(dialect="duckdb")}
    """


@macro()
def merge_jump(evaluator, previous: exp.Expression) -> str:
    """Every tag with the target of its target, the number of merges on the way, the last action, and the way there."""
    return f"""
      SELECT
        heres.tag,
        nexts.target,
        heres.merged_into,
        heres.n_jumps + nexts.n_jumps AS n_jumps,
        CASE WHEN nexts.action = 'kept' THEN heres.action ELSE nexts.action END AS action,
        heres.path || nexts.path AS path
      FROM {previous.name} AS heres
      INNER JOIN {previous.name} AS nexts ON nexts.tag = heres.target
      WHERE {once_condition(evaluator.locals.get("engine_adapter")).sql(dialect="duckdb")}
    """
