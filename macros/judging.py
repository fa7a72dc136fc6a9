"""The judging stage's rounds, options and shared expressions, as SQL that an auditor can read in the rendered query."""

# ruff: noqa: S608 - writing SQL is what macros are for

from sqlglot import exp
from sqlmesh import macro
from sqlmesh.utils.errors import SQLMeshError

from python_models.portable import millionths_sql

_OPTIONS = {
    "cluster_membership": ("primary", "all"),
    "candidate_rule": ("all", "longest_per_cluster_set"),
    "judging_profile": ("halving", "paper"),
}
_RANGES = {
    "judge_calls_per_sample": (0.5, 4),
    "audit_pair_share": (0, 1),
    "selection_size": (0, 1_000_000_000),
    "samples_per_cluster": (0, 1_000_000_000),
    "max_failure_share": (0, 1),
}
# The estimator of values: what a margin and the mean of both values are worth, the prior, the noise of a comparison.
_ESTIMATOR = {"contrast": "1.25", "mean_weight": "2.5", "prior_precision": "0.8", "noise_variance": "130.0"}


@macro()
def judging_option(evaluator, name: exp.Expression, value: exp.Expression) -> exp.Expression:
    """The value of a judging variable; a value that is not one of the allowed ones is refused by name."""
    if value.name not in _OPTIONS[name.name]:
        allowed = ", ".join(_OPTIONS[name.name])
        raise SQLMeshError(f"The variable {name.name} must be one of {allowed}, but it is {value.name!r}.")
    return value


@macro()
def judging_number(evaluator, name: exp.Expression, value: exp.Expression) -> exp.Expression:
    """The value of a numeric judging variable; a value outside its range is refused by name."""
    lowest, highest = _RANGES[name.name]
    if not value.is_number or not lowest <= float(value.name) <= highest:
        given = value.sql(dialect="duckdb")
        raise SQLMeshError(
            f"The variable {name.name} must be a number from {lowest:g} to {highest:g}, but it is {given}."
        )
    return value


@macro()
def judging_rounds(evaluator) -> exp.Expression:
    """Blueprints of the rounds: three for successive halving, one for the paper's profile."""
    n_rounds = 1 if evaluator.var("judging_profile") == "paper" else 3
    rounds = [
        exp.Tuple(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier("judging_round"), expression=exp.Literal.number(number)),
                exp.PropertyEQ(this=exp.to_identifier("previous_round"), expression=exp.Literal.number(number - 1)),
            ]
        )
        for number in range(1, n_rounds + 1)
    ]
    return exp.Tuple(expressions=rounds)


@macro()
def last_judging_round(evaluator) -> exp.Expression:
    """Number of the last round of the profile."""
    return exp.Literal.number(1 if evaluator.var("judging_profile") == "paper" else 3)


@macro()
def pairs_of_rounds(evaluator, last: exp.Expression, first: exp.Expression | None = None) -> str:
    """The pairs of the rounds ``first`` (1 unless given) to ``last``; no row if ``last`` is 0."""
    columns = "judging_round, pair_id, cluster_id, first_sample_id, second_sample_id, is_order_check"
    rounds = range(int(first.name) if first else 1, int(last.name) + 1)
    if not rounds:
        return (
            "(SELECT 0 AS judging_round, '' AS pair_id, cluster_id, sample_id AS first_sample_id, "
            "sample_id AS second_sample_id, FALSE AS is_order_check FROM tacos_internal.memberships WHERE FALSE)"
        )
    return f"({' UNION ALL '.join(f'SELECT {columns} FROM tacos_internal.pairs_{number}' for number in rounds)})"


@macro()
def replies_of_rounds(evaluator, last: exp.Expression) -> str:
    """The judge's replies of the rounds 1 to ``last``."""
    columns = (
        "pair_id, raw_reply, scores, error, is_cut, n_attempts, model_name, request_key, n_prompt_tokens, "
        "n_completion_tokens, is_cached, requested_at, prompt_sha256, code_digest"
    )
    rounds = range(1, int(last.name) + 1)
    return f"({' UNION ALL '.join(f'SELECT {columns} FROM tacos_internal.pair_replies_{number}' for number in rounds)})"


@macro()
def scores_of_rounds(evaluator, last: exp.Expression) -> str:
    """The scores after each of the rounds 1 to ``last``, with the column ``judging_round``."""
    select = "SELECT {0} AS judging_round, cluster_id, sample_id, score FROM tacos_internal.scores_{0}"
    return f"({' UNION ALL '.join(select.format(number) for number in range(1, int(last.name) + 1))})"


@macro()
def starts_a_segment(evaluator, seat_hash: exp.Expression) -> str:
    """Whether a new segment of the ring begins at the seat, in which every other edge is taken for a matching.

    A quarter of the seats do, by their hash: a new sample then moves the pairs of one short segment only, and not of
    half the ring. The odd one out of a segment is paired with its next, so that a matching takes 0.57 calls per
    sample instead of 0.5; judging_plan.is_segmented says where that is paid for.
    """
    return f"SUBSTRING({seat_hash.sql(dialect='duckdb')}, 32, 1) IN ('0', '1', '2', '3')"


@macro()
def selection_size(evaluator, n_samples: exp.Expression) -> str:
    """How many samples to keep: the variable, or a quarter of the samples, at most 1,000, if it is 0."""
    given = evaluator.var("selection_size")
    return str(given) if given else f"LEAST(1000, CEIL({n_samples.sql(dialect='duckdb')} / 4.0))"


@macro()
def cluster_cap(evaluator) -> str:
    """The most samples that are kept from one cluster: samples_per_cluster, or no cap (all there can be) if it is 0."""
    return str(evaluator.var("samples_per_cluster") or 1_000_000_000)


@macro()
def selection_turn(evaluator, rank: exp.Expression, quota: exp.Expression) -> str:
    """In which turn over the clusters a sample is taken, from its rank in its cluster.

    Rounds over the clusters: the best of each in turn 1, the second of each in turn 2. The paper's profile takes the
    quota of each cluster in one turn (0), and what the small clusters leave in rounds.
    """
    sql = rank.sql(dialect="duckdb")
    if evaluator.var("judging_profile") == "paper":
        return f"CASE WHEN {sql} <= {quota.sql(dialect='duckdb')} THEN 0 ELSE {sql} END"
    return sql


@macro()
def in_turns(evaluator, members: exp.Expression, place: exp.Expression) -> str:
    """All columns of ``members`` and ``turn_order``, from 1: by ``turn``, in it by cluster, in that by ``place``.

    In a turn the larger cluster comes first, as it stands for more; in the paper's profile the smaller one. One turn at
    a time: a single order over all members would be the work of one process on a cluster of machines.
    """
    name, sign = members.name, "" if evaluator.var("judging_profile") == "paper" else "-"
    return f"""(
      SELECT members.*, starts.n_before + ROW_NUMBER() OVER (
        PARTITION BY members.turn
        ORDER BY {sign}members.n_candidates, members.cluster_id, members.{place.name}
      ) AS turn_order
      FROM {name} AS members
      INNER JOIN (
        SELECT turn, SUM(COUNT(*)) OVER (ORDER BY turn) - COUNT(*) AS n_before FROM {name} GROUP BY turn
      ) AS starts ON starts.turn = members.turn
    )"""


@macro()
def opening_scores(evaluator, judging_round: exp.Expression) -> str:
    """The scores with which samples come before a judge who joins after the first round: those of the first round."""
    return "tacos_internal.scores_0" if int(judging_round.name) == 1 else "tacos_internal.scores_1"


@macro()
def last_scores(evaluator) -> str:
    """The scores after the last round of the profile."""
    return "tacos_internal.scores_1" if evaluator.var("judging_profile") == "paper" else "tacos_internal.scores_3"


@macro()
def estimator(evaluator, name: exp.Expression) -> exp.Expression:
    """A constant of the estimator."""
    return exp.Literal.number(_ESTIMATOR[name.name])


@macro()
def score_sweep(evaluator, previous: exp.Expression) -> str:
    """One sweep of the estimator: every sample's value from its own evidence and its partners' values before.

    Sums run over decimals, so that they do not depend on the order in which an engine adds.
    """
    weight = "({contrast} * {contrast} - {mean_weight} / 4)".format_map(_ESTIMATOR)
    return f"""
      SELECT
        systems.node_no,
        {millionths_sql(f"(systems.evidence + {weight} * partners.total) / systems.precision")} AS value
      FROM systems
      INNER JOIN (
        SELECT edges.node_no, CAST(SUM(neighbours.value) AS DOUBLE) AS total
        FROM edges
        INNER JOIN {previous.name} AS neighbours ON neighbours.node_no = edges.partner_no
        GROUP BY edges.node_no
      ) AS partners ON partners.node_no = systems.node_no
    """


@macro()
def placed_members(evaluator, members: exp.Expression, limit: exp.Expression) -> str:
    """Memberships with the column ``wish_at``: the cluster, by number of wish, in which each sample stands.

    Every sample stands in the cluster it wishes most; where more stand than ``limit`` takes, the lower ranks move to
    their next wish (deferred acceptance). Eight sweeps settle all but contrived cases; whatever is left, no sample
    stands in two clusters. Where a sample has one membership there is nothing to settle.
    """
    n_sweeps = 8 if evaluator.var("cluster_membership") == "all" else 0
    columns = "sample_id, cluster_id, cluster_rank, n_candidates, n_planned, quota, wish_no, n_wishes"
    place = "ROW_NUMBER() OVER (PARTITION BY cluster_id, wish_no = wish_at ORDER BY cluster_rank)"
    state = f"(SELECT {columns}, 1 AS wish_at FROM {members.name})"
    for sweep in range(n_sweeps):
        state = f"""(
          SELECT {columns}, LEAST(n_wishes, wish_at + MAX(is_sent_on) OVER (PARTITION BY sample_id)) AS wish_at
          FROM (
            SELECT {columns}, wish_at,
              CASE WHEN wish_no = wish_at AND {place} > {limit.sql(dialect="duckdb")} THEN 1 ELSE 0 END AS is_sent_on
            FROM {state} AS standing_{sweep}
          ) AS ranked_{sweep}
        )"""
    return state


@macro()
def place_limit(evaluator, n_planned: exp.Expression, quota: exp.Expression) -> str:
    """How many a cluster takes before samples move to their next wish: its turns; in the paper's profile its quota."""
    if evaluator.var("judging_profile") != "paper":
        return n_planned.sql(dialect="duckdb")
    return f"LEAST({evaluator.var('samples_per_cluster') or 1_000_000_000}, {quota.sql(dialect='duckdb')})"


@macro()
def wish_order(evaluator, cluster_rank: exp.Expression, n_candidates: exp.Expression) -> str:
    """Which cluster a sample of several is kept for: where it ranks best; in the paper's profile the smallest."""
    rank, size = cluster_rank.sql(dialect="duckdb"), n_candidates.sql(dialect="duckdb")
    return size if evaluator.var("judging_profile") == "paper" else f"{rank} * 1000000000000 + {size}"
