"""``tacos estimate``: what a run would still pay, before it pays."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sqlglot import exp, parse_one

from python_models.terminal import cell
from python_models.variables import configured_variables

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from sqlmesh import Context

    from python_models.cli.estimation import StageEstimate
    from python_models.llm.request import ChatRequest

_TAGGING_REPLY_TOKENS = {False: 30.0, True: 150.0}


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "estimate",
        help="calls, tokens and dollars still to pay, before paying",
        description="Read the dataset, the cache and what a plan of this configuration would rebuild, and tell what it "
        "would pay per stage. Nothing is sent, nothing is changed. What is cached is free. Tagging is exact; judging "
        "is exact as long as its pairs stay, else a bound, marked 'at most'. Replies that cannot be read are asked for "
        "again and come on top. Prices: seeds/model_prices.csv.",
    )
    parser.add_argument("environment", nargs="?", default="prod", help="environment of the plan (default: prod)")
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the estimate of a plan for the environment, with the configured gateway, dataset and variables."""
    from python_models.cli.project import open_project
    from python_models.llm.spending.prices import read_prices

    # Standard output is for the estimate alone: a script reads it.
    with redirect_stdout(sys.stderr), open_project() as context:
        kept = _kept_tables(context, options.environment)
        estimates = [each.set_cost(read_prices()) for each in _estimates(context, kept, configured_variables())]
    if options.json:
        print(json.dumps([asdict(estimate) for estimate in estimates]))
        return 0
    console = Console()
    console.print(_table(estimates))
    to_pay = [estimate for estimate in estimates if estimate.n_calls]
    costs = [estimate.cost_usd for estimate in to_pay]
    if None in costs:
        console.print("The price of a model is unknown: add it to seeds/model_prices.csv.")
    elif costs:
        bound = "at most about" if any(estimate.is_bound for estimate in to_pay) else "about"
        console.print(f"Still to pay: {bound} ${sum(cost or 0.0 for cost in costs):,.2f}.", highlight=False)
        if any(estimate.is_bound for estimate in to_pay):
            console.print("Judgments that were paid for before and are wanted again are not paid again.")
    else:
        console.print("Nothing is left to pay: local models are free, and everything else is in the cache.")
    return 0


def _kept_tables(context: Context, environment: str) -> dict[str, str]:
    """Tables that a plan of the configuration leaves as they are, by the name of their model."""
    plan = context.plan_builder(environment, skip_tests=True, skip_linter=True).build()
    rebuilt = {snapshot.snapshot_id for snapshot in plan.missing_intervals}
    return {
        snapshot.model.name: snapshot.table_name()
        for snapshot_id, snapshot in plan.snapshots.items()
        if snapshot.is_model and not snapshot.is_symbolic and snapshot_id not in rebuilt
    }


def _estimates(context: Context, kept: Mapping[str, str], variables: dict[str, Any]) -> Iterator[StageEstimate]:
    from python_models.cli.estimation import JudgingSize, StageEstimate, distinct_samples, estimate_tagging
    from python_models.cli.judging_estimates import JudgingEstimates
    from python_models.llm.cache.recovery import cache_of_a_run
    from python_models.llm.effort import reasoning_tokens
    from python_models.prompts import JUDGE_WORDINGS, judge_wording, prompt_text
    from python_models.source.records import read_records
    from python_models.staging import read_arrow, read_batches

    def query(sql: str) -> Iterator[dict[str, Any]]:
        for batch in read_batches(context, parse_one(sql, read="duckdb", into=exp.Select), 1_000):
            yield from batch

    prompt = prompt_text(judge_wording(JUDGE_WORDINGS, variables["judge_wording"]))
    size = JudgingSize(prompt, variables["max_prompt_chars"])

    def samples() -> Iterator[dict[str, Any]]:
        records = read_records(variables["dataset"], variables["column_mapping"], partial(read_arrow, context))
        return distinct_samples(records, int(variables["sample_limit"]))

    tagging = StageEstimate("tagging", variables["tagging_model"], effort=variables["tagging_effort"])
    with cache_of_a_run(context) as cache:
        requests = _tagging_requests(samples(), size, variables)
        reply_tokens = _TAGGING_REPLY_TOKENS[variables["tag_explanations"]]
        reply_tokens += reasoning_tokens(variables["tagging_effort"])
        estimate_tagging(requests, cache, tagging, reply_tokens)
        yield tagging
        is_known = tagging.n_calls == 0 and "tacos.tag_replies" in kept
        judging = JudgingEstimates(query, samples, kept if is_known else {}, size, cache, variables)
        yield from judging.pairs()
        yield from judging.wordings()
        yield from judging.second_judge()
        yield from judging.singletons()


def _tagging_requests(samples: Iterator[dict[str, Any]], size: Any, variables: dict[str, Any]) -> Iterator[ChatRequest]:
    """The requests of all samples, each of which is also counted for the judge; none if the model is a local one."""
    from python_models.tagging.options import EMBEDDED, TaggingOptions, tagging_prompts
    from python_models.tagging.requests import build_requests

    options = TaggingOptions(
        model_name=variables["tagging_model"],
        prompts=tagging_prompts(variables["tagging_model"], variables["tag_explanations"]),
        has_explanations=variables["tag_explanations"],
        max_prompt_chars=variables["max_prompt_chars"],
        max_attempts=variables["max_attempts"],
        effort=variables["tagging_effort"],
        max_reply_tokens=variables["tagging_max_reply_tokens"],
    )
    for sample in samples:
        size.add(sample)
        if options.model_name != EMBEDDED:
            yield from (request for request, _ in build_requests([sample], options))


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
            cell(f"{row.model_name} ({row.effort})" if row.effort else row.model_name),
            f"{bound}{row.n_calls:,}",
            f"{row.n_cached:,}",
            *(f"{number:,}" for number in numbers),
            cost,
        )
    return table
