"""The batch API: half the price, split at its limits, found again after a kill, whole in spite of what fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import SECRET, Opened, run, tag_request, tagging_work

from python_models.cli import main
from python_models.llm.batch import api as batch
from python_models.llm.batch import run as batch_run
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.upkeep import give_up_batch
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import EndpointError, SpendingLimitReached, UselessReplies
from python_models.llm.spending.prices import read_prices
from python_models.settings import PROJECT_ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("fresh_client")]


PRICE = read_prices()["gpt-4o-mini"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "FIRST_POLL_S", 0.01)


def statuses(folder: Path) -> Counter[str]:
    """Batches in the cache file by status."""
    with ResponseCache(folder / "cache.sqlite") as cache:
        return Counter(str(status) for (status,) in cache.read("SELECT status FROM batches"))


def test_a_batch_answers_like_ordinary_requests_at_half_the_price(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_polls = 3
    answers = run(server, tmp_path, tagging_work(300), use_batch=True)
    assert sorted(server.record.answered.values()) == [1] * 300
    assert not server.record.arrived_at, "no ordinary request was made"
    ordinary = run(server, tmp_path / "ordinary", tagging_work(300))
    assert {a.item_id: (a.value, a.request_key, a.error) for a in answers} == {
        a.item_id: (a.value, a.request_key, a.error) for a in ordinary
    }
    assert all(answer.requested_at and answer.requested_at.year == 2023 for answer in answers)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert [(usage.is_batch, usage.n_calls) for usage in cache.usage()] == [(True, 300)]
    assert statuses(tmp_path) == {"collected": 1}
    opened = Opened(Endpoint((server.base_url,), SECRET))
    assert all(answer.is_cached for answer in run(opened, tmp_path, tagging_work(300), use_batch=True))
    assert opened.n_opened == 0


def test_only_what_is_missing_goes_into_a_batch(server: FakeEndpoint, tmp_path: Path) -> None:
    run(server, tmp_path, tagging_work(50))
    work = [*tagging_work(60), ("again", tag_request("Do thing number 59."))]
    answers = run(server, tmp_path, work, use_batch=True)
    assert len(answers) == 61
    assert [found["request_counts"]["total"] for found in server.batches.values()] == [10]


def test_batches_are_split_at_the_limits(server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_REQUESTS", 40)
    server.behaviour.batch_max_requests = 40
    assert len(run(server, tmp_path, tagging_work(100), use_batch=True)) == 100
    assert [found["request_counts"]["total"] for found in server.batches.values()] == [40, 40, 20]
    monkeypatch.setattr(batch, "MAX_BYTES", 10_000)
    run(server, tmp_path, tagging_work(50, start=100), use_batch=True)
    sizes = [len(server._files[found["input_file_id"]]) for found in server.batches.values()][3:]
    assert len(sizes) > 2
    assert max(sizes) <= 10_000


def test_models_do_not_share_a_batch(server: FakeEndpoint, tmp_path: Path) -> None:
    work = [(f"{n}", tag_request(f"text {n}", model=f"model-{n % 2}")) for n in range(4)]
    assert all(answer.error is None for answer in run(server, tmp_path, work, use_batch=True))
    for found in server.batches.values():
        lines = server._files[found["input_file_id"]].splitlines()
        assert len({json.loads(line)["body"]["model"] for line in lines}) == 1


def test_what_a_batch_did_not_get_to_goes_into_the_next(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_status = lambda number: "expired" if number < 2 else "completed"
    answers = run(server, tmp_path, tagging_work(100), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert [found["request_counts"]["total"] for found in server.batches.values()] == [100, 50, 25]
    assert set(server.record.answered.values()) == {1}


def test_a_batch_that_never_gets_done_ends_in_errors(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_status = lambda number: "expired"
    (answer,) = run(server, tmp_path, tagging_work(1), use_batch=True)
    assert answer.error == "batch: This request was not executed: expired."
    assert len(server.batches) == 3


def test_a_cancelled_batch_ends_the_run_and_what_it_brought_stays(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_status = lambda number: "cancelled" if number == 0 else "completed"
    with pytest.raises(EndpointError, match=r"batch_0 was cancelled.*run again"):
        run(server, tmp_path, tagging_work(100), use_batch=True)
    assert len(run(server, tmp_path, tagging_work(100), use_batch=True)) == 100
    assert [found["request_counts"]["total"] for found in server.batches.values()] == [100, 50]


def test_a_completed_batch_that_names_its_files_late_is_polled_on(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_late_files = 5
    answers = run(server, tmp_path, tagging_work(20), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert len(server.batches) == 1, "nothing is paid twice"


def test_a_completed_batch_that_never_names_a_file_ends_the_run(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LONGEST_WITHOUT_FILES_S", 0.05)
    server.behaviour.batch_late_files = 10**9
    with pytest.raises(EndpointError, match=r"names no file.*tacos cache give-up-batch batch_0"):
        run(server, tmp_path, tagging_work(20), use_batch=True)


def test_a_request_without_a_line_is_a_failed_attempt(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LONGEST_WITHOUT_COUNTS_S", 0.05)
    server.behaviour.batch_lost_lines = "number 7."
    answers = run(server, tmp_path, tagging_work(20), use_batch=True)
    assert {answer.item_id for answer in answers if answer.error} == {"item-7"}
    (error,) = (answer.error for answer in answers if answer.error)
    assert error == "batch: the files of batch_2 have no line for it"
    assert len(server.batches) == 3


def test_a_batch_that_is_not_known_any_more_can_be_given_up(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_while_waiting(server, tmp_path)
    server.batches.clear()
    for _ in range(2):
        with pytest.raises(EndpointError, match=r"knows the batch batch_0 no more.*tacos cache give-up-batch batch_0"):
            run(server, tmp_path, tagging_work(200), use_batch=True)
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    assert main(["cache", "give-up-batch", "batch_9"]) == 1
    assert "Under way: batch_0" in capsys.readouterr().err
    assert main(["cache", "give-up-batch", "batch_0"]) == 0
    assert "200 requests" in capsys.readouterr().out
    assert all(answer.error is None for answer in run(server, tmp_path, tagging_work(200), use_batch=True))


def test_what_a_given_up_batch_may_have_cost_stays_counted(server: FakeEndpoint, tmp_path: Path) -> None:
    kill_while_waiting(server, tmp_path, ", max_cost_usd=10.0")
    server.batches.clear()
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        before = cache.reserved()
        assert sum(row[2] for row in before) > 0
    give_up_batch(tmp_path / "cache.sqlite", "batch_0")
    run(server, tmp_path, tagging_work(200), use_batch=True, max_cost_usd=10.0)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.reserved() == before


def test_batches_with_too_many_tokens_become_smaller(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_max_enqueued = 30
    answers = run(server, tmp_path, tagging_work(100), use_batch=True)
    assert all(answer.error is None for answer in answers)
    totals = [found["request_counts"]["total"] for found in server.batches.values()]
    assert totals == [100, 50, 25, 25, 25, 25]
    assert set(server.record.answered.values()) == {1}


def test_a_hopeless_batch_is_not_paid_for_three_times(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "prose"
    with pytest.raises(UselessReplies, match="50 items in a row"):
        run(server, tmp_path, tagging_work(100), use_batch=True)
    assert len(server.batches) == 1


def totals(server: FakeEndpoint) -> list[int]:
    """Requests of each batch."""
    return [found["request_counts"]["total"] for found in server.batches.values()]


def test_of_a_large_hopeless_batch_a_small_one_is_paid_for(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "prose"
    with pytest.raises(UselessReplies, match="50 items in a row"):
        run(server, tmp_path, tagging_work(600), use_batch=True)
    assert totals(server) == [50]


def test_a_large_work_begins_with_a_small_batch_once(server: FakeEndpoint, tmp_path: Path) -> None:
    assert all(answer.error is None for answer in run(server, tmp_path, tagging_work(600), use_batch=True))
    assert totals(server) == [50, 550]
    run(server, tmp_path, tagging_work(1_200), use_batch=True)
    assert totals(server) == [50, 550, 600], "what answered before needs no trial"
    assert set(server.record.answered.values()) == {1}


def test_faults_inside_a_batch_end_parsed_or_typed(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour = Behaviour(fault_rate=0.3, seed=3)
    answers = run(server, tmp_path, tagging_work(400), use_batch=True)
    assert Counter(answer.item_id for answer in answers) == Counter(f"item-{number}" for number in range(400))
    assert all((answer.value is None) == (answer.error is not None) for answer in answers)
    assert sum(answer.error is not None for answer in answers) < 30
    assert {answer.n_attempts for answer in answers} == {1, 2, 3}


def test_a_refused_form_is_asked_in_another(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.refused_parameters = frozenset({"max_tokens"})
    server.behaviour.refused_formats = frozenset({"json_schema"})
    answers = run(server, tmp_path, tagging_work(20), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert {answer.n_attempts for answer in answers} == {1}


def test_a_batch_that_is_refused_as_a_whole_ends_the_run(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.batch_status = lambda number: "failed"
    with pytest.raises(EndpointError, match=r"batch_0: the file was not liked.*TACOS_USE_BATCH"):
        run(server, tmp_path, tagging_work(10), use_batch=True, max_cost_usd=1.0)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.reserved() == []


def test_an_endpoint_without_a_batch_api_is_named(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(has_batches=False)) as server:
        with pytest.raises(EndpointError, match="unset TACOS_USE_BATCH") as caught:
            run(server, tmp_path, tagging_work(10), use_batch=True)
        assert SECRET not in f"{caught.value!r} {caught.value.__context__!r}"
        assert len(run(server, tmp_path, tagging_work(10))) == 10, "the failed attempt blocks nothing"


def test_a_model_of_ones_own_needs_no_batch(server: FakeEndpoint, tmp_path: Path) -> None:
    own = Endpoint((server.base_url,), is_free=True)
    assert len(run(own, tmp_path, tagging_work(10), use_batch=True)) == 10
    assert not server.batches


def test_a_batch_keeps_the_spending_limit(server: FakeEndpoint, tmp_path: Path) -> None:
    worst = PRICE.worst_cost(*_bounds(), is_batch=True)
    with pytest.raises(SpendingLimitReached, match="TACOS_MAX_COST_USD"):
        run(server, tmp_path, tagging_work(100), use_batch=True, max_cost_usd=20 * worst)
    spent = PRICE.cost(server.record.n_prompt_tokens, 0, server.record.n_completion_tokens, is_batch=True)
    assert 10 * worst < spent <= 20 * worst
    n_answered = server.record.n_requests
    answers = run(server, tmp_path, tagging_work(100), use_batch=True, max_cost_usd=200 * worst)
    assert all(answer.error is None for answer in answers)
    assert server.record.n_requests == 100 > n_answered


def _bounds() -> tuple[int, int]:
    from python_models.llm.spending.prices import max_prompt_tokens

    return max_prompt_tokens(tag_request("Do thing number 10.")), 100


CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from llm_helpers import SECRET, run, tagging_work
from python_models.llm.batch import run as batch_run
from python_models.llm.endpoint.endpoint import Endpoint
batch_run.FIRST_POLL_S = 0.01
run(Endpoint(({base_url!r},), SECRET), Path({folder!r}), tagging_work(200), use_batch=True{more})
"""


def kill_while_waiting(server: FakeEndpoint, folder: Path, more: str = "") -> None:
    """A run in another process that is killed while its batch is under way."""
    server.behaviour.batch_polls = 10**9
    code = CHILD.format(tests=str(Path(__file__).parent), base_url=server.base_url, folder=str(folder), more=more)
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, cwd=PROJECT_ROOT)
    while child.poll() is None and not any(found["polls"] > 1 for found in server.batches.values()):
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    server.behaviour.batch_polls = 1


def test_a_killed_run_finds_its_batch_again(server: FakeEndpoint, tmp_path: Path) -> None:
    kill_while_waiting(server, tmp_path)
    answers = run(server, tmp_path, tagging_work(200), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert len(server.batches) == 1
    assert set(server.record.bodies.values()) == {1}, "nothing is paid twice"


def test_a_batch_whose_creation_was_not_seen_is_found_by_its_token(server: FakeEndpoint, tmp_path: Path) -> None:
    kill_while_waiting(server, tmp_path)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:  # as if the kill had come between the call and its answer
        cache.writer._connection.execute("UPDATE batches SET batch_id = NULL")
    answers = run(server, tmp_path, tagging_work(200), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert len(server.batches) == 1


def test_a_batch_that_was_never_made_is_made_anew(server: FakeEndpoint, tmp_path: Path) -> None:
    kill_while_waiting(server, tmp_path)
    server.batches.clear()
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        cache.writer._connection.execute("UPDATE batches SET batch_id = NULL")
    answers = run(server, tmp_path, tagging_work(200), use_batch=True)
    assert all(answer.error is None for answer in answers)
    assert statuses(tmp_path) == {"lost": 1, "collected": 1}


def test_a_run_without_batches_does_not_pay_again_for_what_is_under_way(server: FakeEndpoint, tmp_path: Path) -> None:
    kill_while_waiting(server, tmp_path)
    server.behaviour.batch_polls = 10**9
    with pytest.raises(EndpointError, match=r"batch_0.*TACOS_USE_BATCH=1"):
        run(server, tmp_path, tagging_work(200))
    assert not server.record.bodies
    server.behaviour.batch_polls = 0
    answers = run(server, tmp_path, tagging_work(210))
    assert all(answer.error is None for answer in answers)
    assert len(server.record.arrived_at) == 10, "what has ended meanwhile is collected"
