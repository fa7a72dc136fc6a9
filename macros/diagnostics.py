"""Steps of diagnostics that repeat, as SQL that an auditor can read in the rendered query."""

# ruff: noqa: S608 - writing SQL is what macros are for

from sqlglot import exp
from sqlmesh import macro


@macro()
def waterfall_step(
    evaluator,
    step_no: exp.Expression,
    step: exp.Expression,
    n_tags: exp.Expression,
    n_occurrences: exp.Expression,
    n_tagged_samples: exp.Expression,
) -> str:
    """One row of the waterfall of normalization, from the table ``counts``: what a step leaves."""
    values = (step_no, step, n_tags, n_occurrences, n_tagged_samples)
    columns = ("step_no", "step", "n_tags", "n_occurrences", "n_tagged_samples")
    selected = ", ".join(
        f"{value.sql(dialect='duckdb')} AS {name}" for value, name in zip(values, columns, strict=True)
    )
    return f"SELECT {selected} FROM counts"
