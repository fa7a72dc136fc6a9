"""What 52,000 samples cost with the default models: one judge or two, online or by batch; how near the estimate is.

    python bench/money.py                    2,000 samples, and 26 times that
    python bench/money.py --samples 10000

A real run whose replies are made at once (``instant_judge``), of usual lengths: three to four tags, two scores. Their
tokens are counted by another rule than that of `tacos estimate`, which is asked before anything is paid. The prices are
those of seeds/model_prices.csv; nothing is taken for cached by the endpoint. Calls grow with the samples, so that the
sum for 52,000 is in proportion.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import machine
from end_to_end import INSTANT_RUN, measure, records, write_records
from project_copy import ProjectCopy

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.spending.prices import find_price, read_prices

_ALL = 52_000
_JUDGES = {"one_judge": {"TACOS_JUDGE_MODEL": "gpt-6-luna", "TACOS_JUDGE_EFFORT": "none"}, "two_judges": {}}


def spent(project: ProjectCopy, *, is_batch: bool) -> float:
    """US dollars for the replies in the cache, online or by batch."""
    prices, total = read_prices(), 0.0
    with ResponseCache(project.cache, read_only=True) as cache:
        for usage in cache.usage():
            price = find_price(prices, usage.model)
            if price is None:
                raise RuntimeError(f"no price of {usage.model}")
            total += price.cost(usage.n_prompt_tokens, 0, usage.n_completion_tokens, is_batch=is_batch)
    return total


def calls(project: ProjectCopy) -> dict[str, dict[str, float]]:
    """Calls and mean tokens by stage and model."""
    with ResponseCache(project.cache, read_only=True) as cache:
        return {
            f"{usage.stage} {usage.model}": {
                "n_calls": usage.n_calls,
                "n_prompt_tokens": round(usage.n_prompt_tokens / usage.n_calls, 1),
                "n_completion_tokens": round(usage.n_completion_tokens / usage.n_calls, 1),
            }
            for usage in cache.usage()
        }


def one_way(n_samples: int, folder: Path, judges: dict[str, str]) -> dict[str, Any]:
    """Estimate, run, count."""
    environment = {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}
    project = ProjectCopy(folder, environment | judges)
    write_records(project, records(n_samples))
    lines = project.run("estimate", "--json", module="python_models.cli").splitlines()
    estimates = json.loads(next(line for line in lines if line.startswith("[")))
    measure(project, *INSTANT_RUN)
    factor = _ALL / n_samples
    online, batch = (spent(project, is_batch=is_batch) for is_batch in (False, True))
    estimated = sum(estimate["cost_usd"] for estimate in estimates)
    return {
        "online_usd": round(online * factor, 2),
        "batch_usd": round(batch * factor, 2),
        "estimated_usd": round(estimated * factor, 2),
        "estimate_by_paid": round(estimated / online, 3),
        "is_bound": any(estimate["is_bound"] for estimate in estimates),
        "calls": calls(project),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--out", type=Path, help="write the JSON here, too")
    options = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "money", "machine": machine.describe(), "n_samples": options.samples}
    for name, judges in _JUDGES.items():
        with tempfile.TemporaryDirectory(prefix="tacos_bench_") as folder:
            result[name] = one_way(options.samples, Path(folder), judges)
    machine.write(result, options.out)


if __name__ == "__main__":
    main()
