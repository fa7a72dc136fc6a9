"""How sure a share is, as an SQL expression."""

from sqlglot import exp
from sqlmesh import macro

_Z_SQUARED = 3.8414588207
"""Square of 1.96, the two-sided 95% quantile of the normal distribution."""


@macro()
def wilson_bound(evaluator, successes: exp.Expression, trials: exp.Expression) -> str:
    """Lower end of the 95% interval of a share (E. B. Wilson, JASA 1927): n of n trials speak for n / (n + 3.84)."""
    k, n, z2 = successes.sql(dialect="duckdb"), trials.sql(dialect="duckdb"), _Z_SQUARED
    spread = f"SQRT({z2} * ({k} * ({n} - {k}) * 1.0 / {n} + {z2 / 4}))"
    return f"ROUND(({k} + {z2 / 2} - {spread}) / ({n} + {z2}), 6)"
