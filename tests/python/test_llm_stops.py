"""Nothing is paid in vain: hopeless runs stop, limits are known to all slots, slow servers answer everyone once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import run, tagging_work

from python_models.llm import patience
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.endpoint import pace, quota, retries
from python_models.llm.errors import EndpointError, UselessReplies
from python_models.llm.progress import Progress
from python_models.settings import PROJECT_ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("fresh_client")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_MINUTE_S", 0.5)  # what is learned from a refusal fits to runs of a second


# --- replies of no use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "tagging_max_reply_tokens"),
        ("prose", "TACOS_TAGGING_MODEL"),
        ("refusal", "prompts/"),
        ("empty", "TACOS_TAGGING_EFFORT"),
    ],
)
def test_fifty_items_that_fail_alike_end_the_run(server: FakeEndpoint, tmp_path: Path, fault: str, words: str) -> None:
    server.behaviour.fault = lambda body, n_seen: fault
    with pytest.raises(UselessReplies, match="50 items in a row") as caught:
        run(server, tmp_path, tagging_work(2_000))
    assert words in str(caught.value)
    assert server.record.n_requests < 400, "three attempts each, and what was sent before the last of them was read"
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts()[0] >= 150


def test_failures_between_successes_end_nothing(server: FakeEndpoint, tmp_path: Path) -> None:
    """Only one in twelve can be read: those that cannot are failures of their own."""

    def fault(body: str, _: int) -> str | None:
        number = int(json.loads(body)["messages"][1]["content"].removeprefix("Do thing number ").rstrip("."))
        return None if number % 12 == 0 else "prose"

    server.behaviour.fault = fault
    answers = run(server, tmp_path, tagging_work(240), max_attempts=1)
    assert sum(answer.error is None for answer in answers) == 20


def test_refusals_after_a_success_are_about_the_samples(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: None if "number 0." in body else "refusal"
    answers = run(server, tmp_path, tagging_work(120), max_attempts=1)
    assert sum(answer.error is None for answer in answers) == 1


def test_replies_that_never_come_but_may_be_paid_end_the_run(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "not_json"
    with pytest.raises(EndpointError, match=r"50 calls in a row .* may have been paid for"):
        run(server, tmp_path, tagging_work(2_000))
    assert server.record.n_requests <= 50 + 16


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_limit_headers", [True, False])
def test_a_token_limit_costs_few_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_limit_headers: bool
) -> None:
    """The limit of the first paid tier, with a minute of twelve seconds; on a busy machine the clocks of both differ.

    Without a common pause each reply took 16 calls; bench_llm_limits.py tells how few it takes in real minutes.
    """
    for module in (pace, quota):
        monkeypatch.setattr(module, "_MINUTE_S", 12.0)
    behaviour = Behaviour(tokens_per_minute=30_000, minute_s=12.0, has_limit_headers=has_limit_headers, latency_s=0.2)
    with FakeEndpoint(behaviour) as server:
        work = [(item_id, replace(request, parameters={"max_tokens": 1_000})) for item_id, request in tagging_work(71)]
        answers = run(server, tmp_path, work, max_concurrency=32)
        assert all(answer.error is None for answer in answers)
        assert server.record.n_requests <= 1.5 * 71


def test_a_pause_is_shared_and_told(server: FakeEndpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One call is turned away for half a second: none of the other slots asks meanwhile."""
    server.behaviour.retry_after = "0.6"
    server.behaviour.latency_s = 0.01
    server.behaviour.fault = lambda body, n_seen: (
        "rate_limit" if server.record.n_requests >= 30 and not server.record.faults else None
    )
    answers = run(server, tmp_path, tagging_work(100))
    assert all(answer.error is None for answer in answers)
    arrived = server.record.arrived_at
    assert max(later - earlier for earlier, later in pairwise(arrived)) >= 0.5
    assert server.record.n_requests <= 100 + 16
    said = capfd.readouterr().err
    for name in ("TACOS_TOKENS_PER_MINUTE", "TACOS_REQUESTS_PER_MINUTE", "TACOS_MAX_CONCURRENCY"):
        assert name in said


def test_being_turned_away_uses_up_no_tries_while_others_succeed(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.retry_after = None
    server.behaviour.fault = lambda body, n_seen: "rate_limit" if "number 5." in body and n_seen < 6 else None
    server.behaviour.latency_s = 0.01
    answers = run(server, tmp_path, tagging_work(60), max_retries=1, max_concurrency=4)
    assert all(answer.error is None for answer in answers)


def test_an_endpoint_that_only_turns_away_ends_the_run(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_LONGEST_TURNED_AWAY_S", 0.2)
    server.behaviour.fault = lambda body, n_seen: "rate_limit"
    with pytest.raises(EndpointError, match="TACOS_TOKENS_PER_MINUTE"):
        run(server, tmp_path, tagging_work(1_000), max_retries=2)
    assert server.record.n_requests < 100


def test_the_line_says_why_it_waits() -> None:
    progress = Progress("tagging", 10)
    progress.update(None, "the rate limit (429), 12 s")
    assert progress.line().endswith("waiting for the rate limit (429), 12 s")


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
        ({"x-ratelimit-reset-tokens": "1m2.5s"}, "", 62.5),
        ({"x-ratelimit-reset-tokens": "838ms", "x-ratelimit-reset-requests": "6m0s"}, "", 360.0),
        (
            {
                "x-ratelimit-reset-tokens": "838ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-requests": "6m0s",
            },
            "",
            0.838,
        ),
        ({"ratelimit-reset": "30"}, "", 30.0),
        ({}, '[{"error": {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "34.5s"}]}}]', 34.5),
        ({"retry-after": "soon", "x-ratelimit-reset-tokens": "later"}, '{"retryDelay": "-5s"}', None),
        ({}, "", None),
    ],
)
def test_every_way_to_ask_for_a_pause_is_read(headers: dict[str, str], body: str, seconds: float | None) -> None:
    assert retries.read_retry_after(headers, body) == seconds


def test_a_reset_may_be_a_time() -> None:
    milliseconds = f"{(time.time() + 90) * 1000:.0f}"
    asked = retries.read_retry_after({"x-ratelimit-reset": milliseconds})
    assert asked is not None
    assert 60 < asked < 90.1  # given in whole milliseconds


def test_a_slow_server_with_one_slot_answers_each_request_once(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(n_slots=1, latency_s=0.25)) as server:
        answers = run(server, tmp_path, tagging_work(10), max_concurrency=32, request_timeout_s=1.0)
        assert all(answer.error is None for answer in answers)
        assert server.record.n_requests == 10


def test_a_server_that_is_barely_quick_enough_answers_each_request_once(tmp_path: Path) -> None:
    """Two in its queue take longer than the timeout; but it answers, so that the second is waited for."""
    with FakeEndpoint(Behaviour(n_slots=1, latency_s=0.5)) as server:
        answers = run(server, tmp_path, tagging_work(8), max_concurrency=32, request_timeout_s=0.9)
        assert all(answer.error is None for answer in answers)
        assert server.record.n_requests == 8


# --- Ctrl-C and SIGTERM -----------------------------------------------------------------------------------------------

CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from llm_helpers import run, tagging_work
from python_models.llm.endpoint.endpoint import Endpoint
run(Endpoint(({base_url!r},), "sk-none-none"), Path({folder!r}), tagging_work(500), max_concurrency=4)
"""


def start(server: FakeEndpoint, folder: Path) -> subprocess.Popen[str]:
    """A run in a process of its own, with four calls that are not answered before ``is_slow_over``."""
    server.behaviour.fault = lambda body, n_seen: "slow" if server.record.n_requests > 40 else None
    code = CHILD.format(tests=str(Path(__file__).parent), base_url=server.base_url, folder=str(folder))
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    while server.record.faults["slow"] < 4:
        assert child.poll() is None
        time.sleep(0.01)
    return child


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_the_first_interrupt_waits_for_the_calls_in_flight(
    server: FakeEndpoint, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    child = start(server, tmp_path)
    child.send_signal(number)
    assert child.stderr is not None
    told = next(line for line in child.stderr if "stopping" in line)
    assert "4 calls in flight" in told
    server.behaviour.is_slow_over = True
    child.communicate(timeout=30)
    assert child.returncode == code
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts()[0] == sum(server.record.answered.values()) == server.record.n_requests


def test_the_second_interrupt_stops_at_once(server: FakeEndpoint, tmp_path: Path) -> None:
    child = start(server, tmp_path)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    next(line for line in child.stderr if "stopping" in line)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode == -signal.SIGINT
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts()[0] == server.record.n_requests - 4, "nobody was waited for"
