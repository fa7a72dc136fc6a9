"""``tacos estimate``: what a run would still pay, before it pays."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from python_models.cli.warehouse import database_path, open_warehouse, rows
from python_models.judging.judges import Judge, judge_of_round
from python_models.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from python_models.cli.estimation import StageEstimate
    from python_models.llm.request import ChatRequest

_MOST_TAGS = 5
"""Tags that the prompt asks for at most: with cluster_membership all, a sample may be judged in as many clusters."""

_MOST_CLUSTERS = 51
_SMALL_CLUSTER = 5
_PAIRS_OF_A_SMALL_CLUSTER = 10
"""Clusters of up to 5 samples are judged pair by pair, which may take more calls than judge_calls_per_sample."""

_FIRST_ROUND = {True: (0.5, 0.6), False: (1.0, 1.0)}
"""Fewest and most pairs per sample of the first round, by whether one call per sample or less is to be made."""

_TAGGING_REPLY_TOKENS = {False: 30.0, True: 150.0}


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "estimate",
        help="calls, tokens and dollars still to pay, before paying",
        description="Read the dataset and the cache, and tell what a run would still pay per stage. Nothing is sent. "
        "What is cached is free. How many comparisons the judge makes is known exactly only after tagging; before, it "
        "is a bound. Prices: seeds/model_prices.csv.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the estimate of the configured gateway, dataset and variables."""
    from python_models.llm.spending.prices import read_prices

    os.chdir(PROJECT_ROOT)
    console = Console()
    with console.status("Reading the dataset and the cache ..."):
        estimates = [estimate.set_cost(read_prices()) for estimate in _estimates(_variables())]
    if options.json:
        print(json.dumps([asdict(estimate) for estimate in estimates]))
        return 0
    console.print(_table(estimates))
    costs = [estimate.cost_usd for estimate in estimates if estimate.n_calls]
    if None in costs:
        console.print("The price of a model is unknown: add it to seeds/model_prices.csv.")
    elif costs:
        console.print(f"Still to pay: at most about ${sum(cost or 0.0 for cost in costs):,.2f}.", highlight=False)
    else:
        console.print("Nothing is left to pay: local models are free, and everything else is in the cache.")
    return 0


def _variables() -> dict[str, Any]:
    """The variables of config.yaml with those of the gateway, as the models will see them."""
    from sqlmesh import Context

    config = Context(paths=str(PROJECT_ROOT), load=False).config
    return {**config.variables, **config.gateways[config.default_gateway_name].variables}


def _estimates(variables: dict[str, Any]) -> Iterator[StageEstimate]:
    from python_models.cli.estimation import JudgingSize, StageEstimate, distinct_samples, estimate_tagging
    from python_models.judging.pairs import EMBEDDED
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.prompts import JUDGE_WORDINGS, judge_wording, prompt_text
    from python_models.settings import cache_path

    size = JudgingSize(
        prompt_text(judge_wording(JUDGE_WORDINGS, variables["judge_wording"])), variables["max_prompt_chars"]
    )
    samples = distinct_samples(variables["dataset"], variables["column_mapping"], int(variables["sample_limit"]))
    tagging = StageEstimate("tagging", variables["tagging_model"])
    with ExitStack() as stack:
        cache = stack.enter_context(ResponseCache(cache_path(), read_only=True)) if cache_path().exists() else None
        requests = _tagging_requests(samples, size, variables)
        estimate_tagging(requests, cache, tagging, _TAGGING_REPLY_TOKENS[variables["tag_explanations"]])
    yield tagging
    for judge, (n_calls, n_paid) in _judging_calls(size.n_samples, variables).items():
        judging = StageEstimate("judging", judge)
        yield judging if judge == EMBEDDED else size.fill_in(judging, n_calls, n_paid)


def _tagging_requests(samples: Iterator[dict[str, Any]], size: Any, variables: dict[str, Any]) -> Iterator[ChatRequest]:
    """The requests of all samples, each of which is also counted for the judge; none if the model is a local one."""
    from python_models.tagging.options import EMBEDDED, TaggingOptions, tagging_prompts
    from python_models.tagging.requests import build_requests

    options = TaggingOptions(
        model_name=variables["tagging_model"],
        prompts=tagging_prompts(),
        has_explanations=variables["tag_explanations"],
        max_prompt_chars=variables["max_prompt_chars"],
        max_attempts=variables["max_attempts"],
    )
    for sample in samples:
        size.add(sample)
        if options.model_name != EMBEDDED:
            yield from (request for request, _ in build_requests([sample], options))


def _judging_calls(n_samples: int, variables: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Calls of every judge, and how many are paid: from the warehouse if it holds the same samples, else bounds."""
    first, final = (Judge(variables[f"{name}_model"], variables[f"{name}_effort"]) for name in ("judge", "final_judge"))
    n_rounds = 1 if variables["judging_profile"] == "paper" else 3
    judges = {number: judge_of_round(number, first, final).model_name for number in range(1, n_rounds + 1)}
    planned, paid = _known_calls(n_samples)
    if not planned:
        planned = dict(enumerate(_most_calls(n_samples, variables, has_two=judges[1] != judges[n_rounds]), start=1))
    calls = dict.fromkeys(judges.values(), 0)
    for number, n_calls in planned.items():
        calls[judges[min(number, n_rounds)]] += n_calls
    return {judge: (n_calls, paid.get(judge, 0)) for judge, n_calls in calls.items()}


def _known_calls(n_samples: int) -> tuple[dict[int, int], dict[str, int]]:
    """Planned calls by round and paid ones by judge, if the warehouse holds a plan for as many samples."""
    if not database_path().exists():
        return {}, {}
    with open_warehouse() as connection:
        found = rows(connection, "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables")
        if not {"tacos_internal.judging_plan", "tacos.pair_replies", "tacos.samples"} <= {row["name"] for row in found}:
            return {}, {}
        if rows(connection, "SELECT COUNT(*) AS n FROM tacos.samples")[0]["n"] != n_samples:
            return {}, {}
        planned = "SELECT judging_round, SUM(n_calls)::BIGINT AS n FROM tacos_internal.judging_plan GROUP BY 1"
        paid = "SELECT model_name, COUNT(*) - COUNT(error) AS n FROM tacos.pair_replies GROUP BY 1"
        return (
            {row["judging_round"]: row["n"] for row in rows(connection, planned)},
            {row["model_name"]: row["n"] for row in rows(connection, paid)},
        )


def _most_calls(n_samples: int, variables: dict[str, Any], *, has_two: bool) -> tuple[int, ...]:
    """The most calls that judging takes: of all rounds, or of the first and of those after it for two judges."""
    n_memberships = n_samples * (_MOST_TAGS if variables["cluster_membership"] == "all" else 1)
    if variables["judging_profile"] == "paper":
        return (n_memberships + _MOST_CLUSTERS,)
    calls_per_sample, check_share = variables["judge_calls_per_sample"], variables["audit_pair_share"]
    pairs = _PAIRS_OF_A_SMALL_CLUSTER * (1 + check_share)
    extra = max(0.0, pairs - _SMALL_CLUSTER * calls_per_sample) * min(_MOST_CLUSTERS, n_memberships / _SMALL_CLUSTER)
    most = math.ceil(calls_per_sample * n_memberships + extra)
    if not has_two:
        return (most,)
    fewest_first, most_first = _FIRST_ROUND[calls_per_sample <= 1]
    n_first = math.ceil(most_first * (1 + check_share) * n_memberships + extra)
    return min(most, n_first), math.ceil((calls_per_sample - fewest_first) * n_memberships)


def _table(estimates: list[StageEstimate]) -> Table:
    table = Table(box=SIMPLE)
    for name in ("stage", "model"):
        table.add_column(name)
    for name in ("calls to pay", "already paid", "prompt tokens", "completion tokens", "cost"):
        table.add_column(name, justify="right")
    for row in estimates:
        bound = "at most " if row.is_bound and row.n_calls else ""
        cost = (
            "free" if row.model_name == "embedded" else "unknown" if row.cost_usd is None else f"${row.cost_usd:,.2f}"
        )
        numbers = (round(row.n_prompt_tokens), round(row.n_completion_tokens))
        table.add_row(
            row.stage,
            row.model_name,
            f"{bound}{row.n_calls:,}",
            f"{row.n_cached:,}",
            *(f"{number:,}" for number in numbers),
            cost,
        )
    return table
