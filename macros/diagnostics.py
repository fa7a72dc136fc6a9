"""Steps of diagnostics that repeat, as SQL that an auditor can read in the rendered query."""

# ruff: noqa: S608 - writing SQL is what macros are for

from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import SQLMeshError

from python_models.portable import rounded_sql

_RANGES = {
    "max_malformed_share": (0, 1),
    "max_failure_share": (0, 1),
    "max_untagged_share": (0, 1),
    "max_tag_share": (0, 1),
    "max_single_cluster_share": (0, 1),
    "max_cluster_share": (0, 1),
    "min_cluster_agreement": (-1, 1),
    "min_highest_score": (1, 100),
    "flat_score_spread": (0, 100),
    "max_flat_cluster_share": (0, 1),
    "max_flip_rate": (0, 1),
    "max_position_shift": (0, 100),
    "max_length_correlation": (0, 1),
    "review_sample_size": (1, 1_000_000),
}


@macro()
def diagnostic_limit(evaluator, name: exp.Expression, value: exp.Expression) -> exp.Expression:
    """The value of a limit of the diagnostics; one outside its range is refused by name."""
    lowest, highest = _RANGES[name.name]
    given = value.sql(dialect="duckdb")
    try:
        is_allowed = lowest <= float(given) <= highest
    except ValueError:
        is_allowed = False
    if not is_allowed:
        raise SQLMeshError(
            f"The variable {name.name} must be a number from {lowest:g} to {highest:g}, but it is {given}."
        )
    return value


@macro()
def lost_in_step(evaluator, count: exp.Expression) -> str:
    """By how much a column of the table ``counts`` is less than after the step before; 0 in the first."""
    name = f"counts.{count.name}"
    return f"LAG({name}, 1, {name}) OVER (ORDER BY counts.step_no) - {name}"


@macro()
def metric_rows(evaluator, *names: exp.Expression) -> str:
    """A row for each of these columns of the table ``measures``, which has one row: metric and value, no interval.

    ``measures`` is read once: an engine that copies a step into its readers would compute it for every metric.
    """
    values = " ".join(f"WHEN '{name.name}' THEN {rounded_sql(f'measures.{name.name}', 6)}" for name in names)
    listed = ", ".join(f"('{name.name}')" for name in names)
    return (
        f"SELECT names.metric, CASE names.metric {values} END AS value, NULL::DOUBLE AS value_low, "
        f"NULL::DOUBLE AS value_high FROM measures CROSS JOIN (VALUES {listed}) AS names(metric)"
    )


@macro()
def review_id(evaluator, sample_id: exp.Expression, tag: exp.Expression) -> str:
    """Name of a sample and a tag in a review, as python_models/diagnostics/reviews.py makes it too.

    The letter in front keeps a spreadsheet from reading it as a number.
    """
    sample, text = sample_id.sql(dialect="duckdb"), tag.sql(dialect="duckdb")
    return f"'r' || SUBSTRING(MD5({sample} || {text}), 1, 16)"


@macro()
def signature(
    evaluator,
    name: exp.Expression,
    value: exp.Expression,
    limit_name: exp.Expression,
    limit: exp.Expression,
    evidence: exp.Expression | None = None,
) -> str:
    """One row of the failure signatures, from the table ``measures``: a limit min_... is the lowest value that passes.

    ``evidence`` is what is held against the limit where it is not the value itself: the end of its interval.
    """
    bound = diagnostic_limit(evaluator, limit_name, limit).sql(dialect="duckdb")
    held = f"measures.{(evidence or value).name}"
    beyond = "<" if limit_name.name.startswith("min_") else ">"
    return (
        f"SELECT {name.sql(dialect='duckdb')} AS signature, measures.{value.name} AS value, {bound} AS threshold, "
        f"{held} {beyond} {bound} AS is_failing FROM measures"
    )
