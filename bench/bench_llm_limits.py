"""What limits cost: calls per reply at 30,000 tokens a minute, and at a slow server that works on one at a time.

    python bench/bench_llm_limits.py                    in real time (about eight minutes)
    python bench/bench_llm_limits.py --minute 6         with a minute of six seconds, at the server and here

Every call beyond one per reply is a refusal (429), or work of a server that nobody waited for.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))

from fake_endpoint import Behaviour, FakeEndpoint

from python_models.llm.endpoint import pace, quota
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.engine import ask
from python_models.llm.replies import parse_tags
from python_models.llm.request import ChatRequest
from python_models.settings import LlmSettings


@dataclass(frozen=True)
class Case:
    """A server and what it is asked: requests of about 420 tokens, most of them for the reply."""

    behaviour: Behaviour
    n_items: int
    timeout_s: float = 120.0
    n_reply_tokens: int = 400


def work(case: Case) -> Iterator[tuple[str, ChatRequest]]:
    """The requests of a case."""
    for number in range(case.n_items):
        messages = ({"role": "user", "content": f"Tag the task number {number}, in short words. " * 2},)
        yield str(number), ChatRequest("fake-model", messages, {"max_tokens": case.n_reply_tokens})


def measure(case: Case) -> dict[str, float]:
    """Replies, calls, and calls per reply of one run."""
    with FakeEndpoint(case.behaviour) as server, tempfile.TemporaryDirectory() as folder:
        answers = ask(
            "bench",
            work(case),
            parse_tags,
            open_endpoint=lambda: nullcontext(Endpoint((server.base_url,))),
            cache_path=Path(folder) / "cache.sqlite",
            settings=LlmSettings(request_timeout_s=case.timeout_s),
        )
        n_replies = sum(answer.error is None for answer in answers)
        n_calls = server.record.n_requests
    return {
        "replies": n_replies,
        "failed": case.n_items - n_replies,
        "calls": n_calls,
        "calls_per_reply": round(n_calls / n_replies, 3),
    }


def main() -> None:
    """Print one JSON object of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minute", type=float, default=60.0, help="seconds of a minute")
    parser.add_argument("--items", type=int, default=150)
    options = parser.parse_args()
    pace._MINUTE_S = quota._MINUTE_S = options.minute
    scale = options.minute / 60.0
    limit = {"tokens_per_minute": 30_000.0, "minute_s": options.minute, "latency_s": scale}
    cases = {
        "30,000 tokens a minute, Retry-After only": Case(Behaviour(**limit), options.items),
        "the same, requests of 1,000 tokens": Case(Behaviour(**limit), 71, n_reply_tokens=980),
        "30,000 tokens a minute, stated in headers": Case(Behaviour(**limit, has_limit_headers=True), options.items),
        "one slot, a reply in 10 s, timeout 120 s": Case(Behaviour(n_slots=1, latency_s=10 * scale), 10, 120 * scale),
        "one slot, a reply in 40 s, timeout 60 s": Case(Behaviour(n_slots=1, latency_s=40 * scale), 5, 60 * scale),
    }
    print(json.dumps({name: measure(case) for name, case in cases.items()}, indent=2))


if __name__ == "__main__":
    main()
