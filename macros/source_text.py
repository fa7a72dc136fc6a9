"""Text rules of the source stage, as SQL expressions that an auditor can read in the rendered query."""

from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import ConfigError

from python_models.spark import is_spark

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What DuckDB's TRIM takes away; Spark's takes U+0020 alone."""


@macro()
def canonical_text(evaluator, text: exp.Expression) -> str:
    """White space collapsed to single spaces: two texts that differ in nothing else are the same text."""
    sql = text.sql(dialect="duckdb")
    if is_spark(evaluator.locals.get("engine_adapter")):
        return f"TRIM(REGEXP_REPLACE({sql}, '[ \\t\\n\\f\\r]+', ' ', 'g'), '{_SPACES}')"  # Java's \\s has VT too
    return f"TRIM(REGEXP_REPLACE({sql}, '\\s+', ' ', 'g'))"


@macro()
def sum_of_ids(evaluator, record_id: exp.Expression) -> str:
    """The sum of the first 60 bits of ids in hex, as text: another one means that one of the ids is another."""
    digits = f"SUBSTRING({record_id.sql(dialect='duckdb')}, 1, 15)"
    if is_spark(evaluator.locals.get("engine_adapter")):
        return f"CAST(COALESCE(SUM(CAST(CONV({digits}, 16, 10) AS DECIMAL(38, 0))), 0) AS STRING)"
    return f"CAST(COALESCE(SUM(CAST('0x' || {digits} AS BIGINT)), 0) AS TEXT)"


@macro()
def is_beyond_limit(evaluator, rank: exp.Expression, limit: exp.Expression) -> str:
    """Whether a rank is beyond sample_limit; FALSE without a limit, so that nothing is ranked then."""
    n_samples = _whole_number(limit)
    return f"{rank.sql(dialect='duckdb')} > {n_samples}" if n_samples else "FALSE"


def _whole_number(limit: exp.Expression) -> int:
    text = limit.name if isinstance(limit, exp.Literal) else limit.sql()
    if not text.strip().isdecimal():
        raise ConfigError(f"sample_limit (TACOS_SAMPLE_LIMIT) must be a whole number, 0 for all, but it is {text!r}.")
    return int(text)
