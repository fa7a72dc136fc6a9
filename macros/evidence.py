"""How sure a share is, and how numbers vary, as SQL expressions."""

from sqlglot import exp
from sqlmesh import macro

from python_models.portable import rounded_sql

_Z_SQUARED = 3.8414588207
"""Square of 1.96, the two-sided 95% quantile of the normal distribution."""


@macro()
def wilson_bound(evaluator, successes: exp.Expression, trials: exp.Expression) -> str:
    """Lower end of the 95% interval of a share (E. B. Wilson, JASA 1927): n of n trials speak for n / (n + 3.84)."""
    k, n = (f"CAST({count.sql(dialect='duckdb')} AS DOUBLE)" for count in (successes, trials))
    z2, half, quarter = (f"CAST({_Z_SQUARED / part} AS DOUBLE)" for part in (1, 2, 4))
    spread = f"SQRT({z2} * ({k} * ({n} - {k}) / {n} + {quarter}))"
    return rounded_sql(f"({k} + {half} - {spread}) / ({n} + {z2})", 6)


@macro()
def fisher_bound(evaluator, correlation: exp.Expression, n: exp.Expression, sign: exp.Expression) -> str:
    """An end of the 95% interval of a correlation (R. A. Fisher's z): the lower one for sign -1, the upper one for 1.

    NULL with fewer than 4 pairs; a correlation of 1 counts as .999999, whose z is finite.
    """
    r, pairs, side = (f"CAST({node.sql(dialect='duckdb')} AS DOUBLE)" for node in (correlation, n, sign))
    z = f"CAST({2 * _Z_SQUARED**0.5:.10f} AS DOUBLE)"
    near = f"LEAST(GREATEST({r}, CAST(-0.999999 AS DOUBLE)), CAST(0.999999 AS DOUBLE))"
    # The hyperbolic tangent of z and its distance, as exponentials: exp(2z) is (1 + r) / (1 - r).
    power = f"((1 + {near}) / (1 - {near}) * EXP({side} * {z} / SQRT(GREATEST({pairs} - 3, CAST(1 AS DOUBLE)))))"
    bound = rounded_sql(f"({power} - 1) / ({power} + 1)", 6)
    return f"CASE WHEN {pairs} > 3 AND NOT {r} IS NULL THEN {bound} END"


@macro()
def integer_spread(evaluator, number: exp.Expression) -> str:
    """Standard deviation of whole numbers, an aggregate from exact sums, whatever the order of the rows."""
    x = number.sql(dialect="duckdb")
    return rounded_sql(f"SQRT({_n_times_deviations(x, x)}) / COUNT(*)", 6)


@macro()
def integer_correlation(evaluator, number: exp.Expression, other: exp.Expression) -> str:
    """Pearson's correlation of whole numbers, an aggregate from exact sums; NULL where one of them never varies."""
    x, y = number.sql(dialect="duckdb"), other.sql(dialect="duckdb")
    scale = f"SQRT({_n_times_deviations(x, x)}) * SQRT({_n_times_deviations(y, y)})"
    return rounded_sql(f"{_n_times_deviations(x, y)} / NULLIF({scale}, 0)", 6)


@macro()
def entropy(evaluator, frequency: exp.Expression) -> str:
    """Shannon's entropy in bits of what occurs with these frequencies (whole numbers), an aggregate.

    The terms are rounded to whole millionths, so that their sum is exact, whatever the order of the rows.
    """
    n = frequency.sql(dialect="duckdb")
    terms = f"SUM(ROUND(1000000 * {n} * LN({n}))) / 1000000"
    return rounded_sql(f"(LN(SUM({n})) - {terms} / SUM({n})) / LN(2)", 6)


def _n_times_deviations(x: str, y: str) -> str:
    """The number of rows times the sum of products of deviations from the means."""
    total = "CAST(SUM({}) AS DOUBLE)".format
    return f"(COUNT(*) * {total(f'{x} * {y}')} - {total(x)} * {total(y)})"
