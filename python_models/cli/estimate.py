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
    judging = StageEstimate("judging", variables["judge_model"])
    if variables["judge_model"] != EMBEDDED:
        n_calls, n_paid = _judging_calls(size.n_samples, variables)
        size.fill_in(judging, n_calls, n_paid)
    yield judging


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


def _judging_calls(n_samples: int, variables: dict[str, Any]) -> tuple[int, int]:
    """Calls of the judge, from the warehouse if it holds the same samples, else a bound; and how many are paid."""
    if database_path().exists():
        with open_warehouse() as connection:
            found = rows(connection, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tacos'")
            if {"judging_plan", "pair_replies", "samples"} <= {row["table_name"] for row in found}:
                planned = rows(
                    connection,
                    "SELECT (SELECT COUNT(*) FROM tacos.samples) AS n_samples, "
                    "(SELECT SUM(n_calls) FROM tacos_internal.judging_plan) AS n_calls, "
                    "(SELECT COUNT(*) - COUNT(error) FROM tacos.pair_replies WHERE model_name = ?) AS n_paid",
                    [variables["judge_model"]],
                )[0]
                if planned["n_samples"] == n_samples and planned["n_calls"] is not None:
                    return int(planned["n_calls"]), int(planned["n_paid"])
    n_memberships = n_samples * (_MOST_TAGS if variables["cluster_membership"] == "all" else 1)
    if variables["judging_profile"] == "paper":
        return n_memberships + _MOST_CLUSTERS, 0
    calls_per_sample = variables["judge_calls_per_sample"]
    pairs = _PAIRS_OF_A_SMALL_CLUSTER * (1 + variables["audit_pair_share"])
    extra = max(0.0, pairs - _SMALL_CLUSTER * calls_per_sample) * min(_MOST_CLUSTERS, n_memberships / _SMALL_CLUSTER)
    return math.ceil(calls_per_sample * n_memberships + extra), 0


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
