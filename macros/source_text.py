"""Text rules of the source stage, as SQL expressions that an auditor can read in the rendered query."""

from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import ConfigError


@macro()
def canonical_text(evaluator, text: exp.Expression) -> str:
    """White space collapsed to single spaces: two texts that differ in nothing else are the same text."""
    return f"TRIM(REGEXP_REPLACE({text.sql(dialect='duckdb')}, '\\s+', ' ', 'g'))"


@macro()
def sum_of_ids(evaluator, record_id: exp.Expression) -> str:
    """The sum of the first 60 bits of ids in hex, as text: another one means that one of the ids is another."""
    digits = f"SUBSTRING({record_id.sql(dialect='duckdb')}, 1, 15)"
    if evaluator.dialect in ("spark", "databricks"):
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
