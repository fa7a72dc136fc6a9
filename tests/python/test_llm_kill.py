"""Pulling the plug: SIGKILL at random moments, again and again, then completion."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import SECRET, run, tagging_work

from python_models.llm.cache.response_cache import ResponseCache
from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

N_ITEMS = 1_500
CONCURRENCY = 16

CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from llm_helpers import SECRET, run, tagging_work
from python_models.llm.endpoint import retries
from python_models.llm.endpoint.endpoint import Endpoint
retries.FIRST_BACKOFF_S = 0.01
run(Endpoint(({base_url!r},), SECRET), Path({folder!r}), tagging_work({n_items}), max_concurrency={concurrency}{more})
print("done", flush=True)
"""


def start(server: FakeEndpoint, folder: Path, more: str = "") -> subprocess.Popen[str]:
    """A run in a process of its own."""
    code = CHILD.format(
        tests=str(Path(__file__).parent),
        base_url=server.base_url,
        folder=str(folder),
        n_items=N_ITEMS,
        concurrency=CONCURRENCY,
        more=more,
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    )


def committed(folder: Path) -> set[str]:
    """Keys in the cache now."""
    if not (folder / "cache.sqlite").exists():
        return set()
    with ResponseCache(folder / "cache.sqlite") as cache:
        return {reply.key for reply in cache.iter_replies()}


def kill_at_random_moments(server: FakeEndpoint, folder: Path, n_kills: int, more: str = "") -> None:
    """Start and kill runs; each gets at least one request out, so that the moment lies within the work."""
    moments = random.Random(7)
    for _ in range(n_kills):
        before = server.record.n_requests
        child = start(server, folder, more)
        while server.record.n_requests == before and child.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.25))
        child.send_signal(signal.SIGKILL)
        _, stderr = child.communicate()
        assert child.returncode == -signal.SIGKILL, stderr


@pytest.mark.slow
def test_ten_kills_repeat_at_most_the_calls_in_flight(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(latency_s=0.02)) as server:
        n_kills = 10
        kill_at_random_moments(server, tmp_path, n_kills)
        kept = committed(tmp_path)
        assert kept, "the kills came too early to show anything"
        assert len(kept) < N_ITEMS, "the kills came too late to show anything"
        answered_before = dict(server.record.answered)
        in_cache = {text for text in answered_before if _key_of(text) in kept}
        server.forget()
        child = start(server, tmp_path)
        stdout, stderr = child.communicate(timeout=60)
        assert stdout == "done\n", stderr
        assert not in_cache & set(server.record.bodies), "what was committed is never sent again"
        n_repeated = sum(answered_before.values()) - len(kept)
        assert n_repeated <= n_kills * CONCURRENCY, "a kill loses the calls in flight at most"
        undisturbed = {
            answer.item_id: answer.value for answer in run(server, tmp_path / "clean", tagging_work(N_ITEMS))
        }
        disturbed = {answer.item_id: answer.value for answer in run(server, tmp_path, tagging_work(N_ITEMS))}
    assert disturbed == undisturbed
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.read("PRAGMA integrity_check") == [("ok",)]


def test_kills_cannot_make_a_run_pass_its_spending_limit(tmp_path: Path) -> None:
    """What was in flight at a kill may have been paid for, and is counted so by the next run."""
    from python_models.llm.spending.prices import read_prices

    price = read_prices()["gpt-4o-mini"]
    with FakeEndpoint(Behaviour(latency_s=0.02)) as server:
        run(server, tmp_path / "free", tagging_work(N_ITEMS))
        limit = price.cost(server.record.n_prompt_tokens, 0, server.record.n_completion_tokens) / 2
        server.forget()
        kill_at_random_moments(server, tmp_path, 4, f", max_cost_usd={limit!r}")
        child = start(server, tmp_path, f", max_cost_usd={limit!r}")
        _, stderr = child.communicate(timeout=60)
        assert "SpendingLimitReached" in stderr
        spent = price.cost(server.record.n_prompt_tokens, 0, server.record.n_completion_tokens)
        assert 0.2 * limit < spent <= limit
        assert SECRET not in stderr


def _key_of(text: str) -> str:
    """The cache key of a request, from its body on the wire."""
    from llm_helpers import tag_request

    content = json.loads(text)["messages"][1]["content"]
    return tag_request(content).key(1)
