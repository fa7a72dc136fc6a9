"""Text rules of the source stage, as SQL expressions that an auditor can read in the rendered query."""

from sqlglot import exp
from sqlmesh import macro


@macro()
def canonical_text(evaluator, text: exp.Expression) -> str:
    """White space collapsed to single spaces: two texts that differ in nothing else are the same text."""
    return f"TRIM(REGEXP_REPLACE({text.sql(dialect='duckdb')}, '\\s+', ' ', 'g'))"
