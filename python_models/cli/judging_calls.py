"""How many calls the judge still has to make: exact for pairs that stay, else a bound for the configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from python_models.judging.judges import Judge, judge_of_round
from python_models.judging.pairs import EMBEDDED, JudgingOptions, build_request, pairs_with_texts
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.lookup import Item, Lookup
from python_models.llm.progress import Progress
from python_models.llm.replies import MAX_TAGS, parse_scores
from python_models.llm.request import ChatRequest

Query = Callable[[str], Iterator[dict[str, Any]]]

_MOST_CLUSTERS = 50
_SMALL_CLUSTER = 5
_PAIRS_OF_A_SMALL_CLUSTER = 10
"""Clusters of up to 5 samples are judged pair by pair, which may take more calls than judge_calls_per_sample."""

_FEWEST_FIRST = {True: 0.5, False: 1.0}
"""Fewest pairs per sample of the first round, by whether one call per sample or less is to be made."""

_REQUESTS_PER_LOOKUP = 1_000


def judges_of_rounds(variables: Mapping[str, Any]) -> list[Judge]:
    """Who judges each round of the configuration."""
    first = Judge(variables["judge_model"], variables["judge_effort"])
    final = Judge(variables["final_judge_model"], variables["final_judge_effort"])
    n_rounds = 1 if variables["judging_profile"] == "paper" else 3
    return [judge_of_round(number, first, final) for number in range(1, n_rounds + 1)]


def calls_at_most(n_samples: int, variables: Mapping[str, Any]) -> dict[Judge, int]:
    """The most calls of every judge that the pairs of any clusters of so many samples can take, with these settings.

    A sample is judged in one cluster, or in those of all its tags. A cluster takes ``judge_calls_per_sample`` for each
    of its samples, rounded up; a small one may take every pair; the first round takes up to one call per sample, and
    at least one for every second.
    """
    judges = judges_of_rounds(variables)
    n_clusters = (variables["n_clusters"] or _MOST_CLUSTERS) + 1  # and the samples without a tag
    places = n_samples * (min(MAX_TAGS, n_clusters) if variables["cluster_membership"] == "all" else 1)
    n_clusters = min(n_clusters, places)
    if variables["judging_profile"] == "paper":
        return {judges[0]: places + n_clusters}
    per_sample, check_share = float(variables["judge_calls_per_sample"]), float(variables["audit_pair_share"])
    small = math.ceil(_PAIRS_OF_A_SMALL_CLUSTER * (1 + check_share))
    most_per_sample = max(1.0, per_sample)

    def most_of(per_place: float) -> int:
        beyond = max(0.0, small - _SMALL_CLUSTER * per_place) * min(n_clusters, places / _SMALL_CLUSTER)
        return math.ceil(per_place * places + n_clusters + beyond)

    most = most_of(most_per_sample)
    if judges[0] == judges[-1]:
        return {judges[0]: most}
    first = most_of(1 + check_share)
    fewest_first = _FEWEST_FIRST[per_sample <= 1] * (1 + check_share)
    final = math.ceil(max(0.0, most_per_sample - fewest_first) * places) + n_clusters
    return {judges[0]: min(most, first), judges[-1]: min(most, final)}


class JudgingCalls:
    """Counts the judge's calls of a plan whose clusters stay as they are.

    Args:
        query: runs SQL on the warehouse.
        tables: tables that the plan keeps, by the name of their model.
        options: whom to ask, and how, in every round of the configuration.
        cache: the response cache, None if there is none yet.

    Attributes:
        n_calls, n_cached: calls still to pay, and those that are paid for, by judge.
        is_bound: whether there may be fewer.
    """

    def __init__(
        self, query: Query, tables: Mapping[str, str], options: Sequence[JudgingOptions], cache: ResponseCache | None
    ) -> None:
        self._query = query
        self._tables = tables
        self._options = options
        self._cache = cache
        self.n_calls, self.n_cached = Counter[Judge](), Counter[Judge]()
        self.is_bound = False

    def count(self) -> None:
        """Round by round: exact as long as the pairs stay; what a changed score may change is bounded by the plan."""
        spent: list[str] = []
        for judging_round, options in enumerate(self._options, start=1):
            judge = Judge(options.model_name, options.effort)
            pairs = self._tables.get(f"tacos_internal.pairs_{judging_round}")
            n_missing = 0
            if pairs is not None and options.model_name == EMBEDDED:
                spent.append(pairs)
            elif pairs is not None:
                n_pairs, n_missing = self._look_up(pairs, options)
                self.n_calls[judge] += n_missing
                self.n_cached[judge] += n_pairs - n_missing
                spent.append(pairs)
            if pairs is None or (n_missing and judging_round < len(self._options)):
                # A round after the first is judged by the last round's judge.
                final = self._options[-1]
                self.n_calls[Judge(final.model_name, final.effort)] += self._calls_left(spent)
                self.is_bound = True
                return

    def _calls_left(self, spent: list[str]) -> int:
        """Calls of the judging plan beyond the pairs of the given tables: a round takes what earlier ones left."""
        pairs = " UNION ALL ".join(f"SELECT cluster_id FROM {table}" for table in spent)  # noqa: S608
        sql = (
            "WITH planned AS (SELECT cluster_id, SUM(n_calls) AS n FROM "  # noqa: S608
            f"{self._tables['tacos_internal.judging_plan']} GROUP BY cluster_id), "
            f"spent AS (SELECT cluster_id, COUNT(*) AS n FROM ({pairs or 'SELECT 0 AS cluster_id WHERE FALSE'}) "
            "GROUP BY cluster_id) SELECT SUM(GREATEST(0, planned.n - COALESCE(spent.n, 0)))::BIGINT AS n "
            "FROM planned LEFT JOIN spent ON spent.cluster_id = planned.cluster_id"
        )
        return int(next(self._query(sql))["n"] or 0)

    def _look_up(self, pairs: str, options: JudgingOptions) -> tuple[int, int]:
        """Number of pairs of a table, and of those whose next request is not answered yet."""
        rows = self._query(pairs_with_texts(pairs, self._tables["tacos.samples"]).sql(dialect="duckdb"))
        return count_unanswered((build_request(row, options)[0] for row in rows), self._cache, parse_scores)


def count_unanswered(
    requests: Iterator[ChatRequest], cache: ResponseCache | None, parse: Callable[[str], Any]
) -> tuple[int, int]:
    """Number of the requests, and of those that a run would send; in bounded memory."""
    n_requests = n_missing = 0
    while chunk := list(islice(requests, _REQUESTS_PER_LOOKUP)):
        n_requests += len(chunk)
        n_missing += len(unanswered(chunk, cache, parse))
    return n_requests, n_missing


def unanswered(
    requests: list[ChatRequest], cache: ResponseCache | None, parse: Callable[[str], Any]
) -> dict[str, ChatRequest]:
    """The requests that a run would send, by the key of their next attempt: no reply, or none that can be read."""
    items = {key: Item(key, request, [], key=key) for request in requests for key in [request.key(1)]}
    if cache is None:
        return {key: item.request for key, item in items.items()}
    lookup = Lookup(cache, parse, ask_failed_again=True, progress=Progress("estimate"))
    return {item.first_key: item.request for item in lookup.unanswered(list(items.values()))}
