"""Asking through the cache, against a real HTTP server on loopback with faults switched on per request."""

from __future__ import annotations

import gc
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from fake_endpoint import FAULTS, READABLE_FAULTS, REPLY_FAULTS, Behaviour, FakeEndpoint
from llm_helpers import SECRET, Opened, judge_request, parse_scores, parse_tags, run, tag_request, tagging_work

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.cache.transfer import export_cache, import_cache
from python_models.llm.endpoint import pace, retries
from python_models.llm.endpoint.endpoint import Endpoint, configured_endpoint
from python_models.llm.engine import ask, evaluate
from python_models.llm.errors import CacheError, EndpointError
from python_models.llm.replies import InvalidReply
from python_models.llm.request import ChatRequest
from python_models.settings import LlmSettings, SettingError

pytestmark = pytest.mark.usefixtures("fresh_client")


# --- the cache decides what is sent -----------------------------------------------------------------------------------


def test_every_item_is_answered_once_and_a_second_run_sends_nothing(server: FakeEndpoint, tmp_path: Path) -> None:
    first = run(server, tmp_path, tagging_work(700))
    assert Counter(answer.item_id for answer in first) == Counter(f"item-{number}" for number in range(700))
    assert all(answer.error is None and not answer.is_cached and answer.latency_ms for answer in first)
    assert set(server.record.answered.values()) == {1}
    server.forget()
    opened = Opened(Endpoint((server.base_url,), SECRET))
    second = run(opened, tmp_path, tagging_work(700))
    assert server.record.n_requests == opened.n_opened == 0
    assert all(answer.is_cached for answer in second)

    def kept(answers: list) -> dict:
        return {a.item_id: (a.value, a.raw_reply, a.requested_at, a.request_key, a.n_prompt_tokens) for a in answers}

    assert kept(first) == kept(second)


def test_only_what_is_missing_is_sent(server: FakeEndpoint, tmp_path: Path) -> None:
    run(server, tmp_path, tagging_work(50))
    server.forget()
    answers = run(server, tmp_path, tagging_work(60))
    assert server.record.n_requests == 10
    assert sum(answer.is_cached for answer in answers) == 50


def test_an_empty_work_opens_nothing(tmp_path: Path) -> None:
    opened = Opened(Endpoint(("http://127.0.0.1:9/v1",)))
    assert run(opened, tmp_path, []) == []
    assert opened.n_opened == 0


def test_equal_requests_are_sent_once_and_everyone_gets_the_reply(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.latency_s = 0.05
    work = [(f"item-{number}", tag_request(f"text {number % 7}")) for number in range(600)]
    answers = run(server, tmp_path, work)
    assert len(answers) == 600
    assert server.record.n_requests == 7


def test_the_request_has_the_form_that_endpoints_know(server: FakeEndpoint, tmp_path: Path) -> None:
    request = tag_request("Übersetze ☃ \ud800 and \u202e\x00")
    run(server, tmp_path, [("a", request)])
    (body,) = (json.loads(text) for text in server.record.bodies)
    assert body["model"] == "gpt-4o-mini"
    assert body["messages"][1] == {"role": "user", "content": "Übersetze ☃ ? and \u202e\x00"}
    assert (body["temperature"], body["max_tokens"]) == (0, 100)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "tags", "strict": True, "schema": request.reply_schema},
    }
    assert server.record.keys == {SECRET}


def test_the_key_of_a_request_is_pinned() -> None:
    """A change here would make every paid reply of every user unfindable."""
    request = ChatRequest(
        "m", ({"role": "user", "content": "é\ud800"},), {"temperature": 0}, {"type": "object"}, "name"
    )
    assert request.key(1) == "e1833899dc795d7ce094f90003b4b95ef6616b973df332b38b572853cd9336cc"
    different = [
        request.key(2),
        ChatRequest("n", request.messages, request.parameters, request.reply_schema).key(1),
        ChatRequest("m", ({"role": "user", "content": "e"},), request.parameters, request.reply_schema).key(1),
        ChatRequest("m", request.messages, {"temperature": 1}, request.reply_schema).key(1),
        ChatRequest("m", request.messages, request.parameters, None).key(1),
    ]
    assert len({request.key(1), *different}) == 6
    same = ChatRequest("m", ({"content": "é\ud800", "role": "user"},), {"temperature": 0}, {"type": "object"}, "other")
    assert same.key(1) == request.key(1)


# --- concurrency and memory -------------------------------------------------------------------------------------------


def test_a_key_is_the_hash_of_the_canonical_json_whatever_was_asked_before() -> None:
    """Parts that requests share are kept from one key to the next: none may get into the key of another."""
    first = [{"role": "system", "content": "é\ud800"}, {"role": "user", "content": "é\ud800"}]
    parameters = [{"temperature": 0}, {"temperature": 0.0}, {"temperature": False}, {"max_tokens": 5, "a": [1]}]
    for _ in range(2):
        for attempt, message, given in itertools.product((1, 2, 3), first, parameters):
            request = ChatRequest("m", (message, {"role": "user", "content": "do"}), given, {"type": "object"})
            whole = {"attempt": attempt, "messages": request.messages, "model": "m", "parameters": given}
            whole["schema"] = {"type": "object"}
            canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
            assert request.key(attempt) == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_calls_in_flight_are_bounded_and_used(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.latency_s = 0.05
    run(server, tmp_path, tagging_work(120), max_concurrency=12)
    assert server.record.most_in_flight == 12


def test_one_slow_request_stalls_no_other(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "slow" if "number 3." in body else None
    order: list[str] = []
    settings = LlmSettings(max_concurrency=4)
    opened = Opened(Endpoint((server.base_url,), SECRET))
    for answer in ask(
        "t", tagging_work(300), parse_tags, open_endpoint=opened, cache_path=tmp_path / "c.sqlite", settings=settings
    ):
        order.append(answer.item_id)
        server.behaviour.is_slow_over = len(order) >= 299
    assert len(order) == 300
    assert order[-1] == "item-3"


def test_work_is_read_a_little_ahead_only(server: FakeEndpoint, tmp_path: Path) -> None:
    n_read = 0

    def work() -> Iterator[tuple[str, ChatRequest]]:
        nonlocal n_read
        for pair in tagging_work(100_000):
            n_read += 1
            yield pair

    answers = ask(
        "t",
        work(),
        parse_tags,
        open_endpoint=Opened(Endpoint((server.base_url,), SECRET)),
        cache_path=tmp_path / "c.sqlite",
        settings=LlmSettings(max_concurrency=8),
    )
    for _ in range(100):
        next(answers)
    assert n_read <= 100 + 3 * 256
    answers.close()


def test_requests_are_spread_over_several_urls(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(latency_s=0.02)) as one, FakeEndpoint(Behaviour(latency_s=0.2)) as other:
        endpoint = Endpoint((one.base_url, other.base_url), max_concurrency=1)
        answers = run(endpoint, tmp_path, tagging_work(40))
        assert all(answer.error is None for answer in answers)
        assert one.record.most_in_flight == other.record.most_in_flight == 1
        assert one.record.n_requests > 3 * other.record.n_requests > 0, "a free URL takes the next request"


def test_a_dead_url_among_several_loses_nothing(server: FakeEndpoint, tmp_path: Path) -> None:
    endpoint = Endpoint((server.base_url, "http://127.0.0.1:9/v1"))
    answers = run(endpoint, tmp_path, tagging_work(40), max_concurrency=4, max_retries=1)
    assert all(answer.error is None for answer in answers)
    assert server.record.n_requests == 40


def threads_beyond(before: set[threading.Thread]) -> set[threading.Thread]:
    """Threads that go on. Those of a closed loop's pool are told to end and not waited for: a name may hang there."""
    beyond = set(threading.enumerate()) - before
    pool = {thread for thread in beyond if thread.name.startswith("asyncio_")}
    if beyond == pool:
        for thread in pool:
            thread.join(timeout=10)
        beyond = {thread for thread in pool if thread.is_alive()}
    return beyond


def test_closing_early_ends_all_threads_and_the_endpoint(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.latency_s = 0.3
    before = set(threading.enumerate())
    opened = Opened(Endpoint((server.base_url,), SECRET))
    answers = ask(
        "t",
        tagging_work(1_000),
        parse_tags,
        open_endpoint=opened,
        cache_path=tmp_path / "c.sqlite",
        settings=LlmSettings(max_concurrency=8),
    )
    next(answers)
    answers.close()
    gc.collect()
    assert server.record.n_requests < 100, "it did not wait for what was not asked yet"
    assert threads_beyond(before) == set()
    assert (opened.n_opened, opened.n_closed) == (1, 1)
    server.behaviour.latency_s = 0.0
    assert len(run(server, tmp_path, tagging_work(20))) == 20, "the next run may send"


def test_an_error_of_the_work_or_the_parser_comes_through(server: FakeEndpoint, tmp_path: Path) -> None:
    def work() -> Iterator[tuple[str, ChatRequest]]:
        yield from tagging_work(300)
        raise LookupError("the table is gone")

    before = set(threading.enumerate())
    with pytest.raises(LookupError, match="the table is gone"):
        run(server, tmp_path, work())
    with pytest.raises(ZeroDivisionError):
        run(server, tmp_path, tagging_work(10, start=500), lambda text: 1 // 0)
    assert threads_beyond(before) == set()


def test_a_full_disk_ends_the_run(server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from python_models.llm.cache import writer

    connect = writer.connect

    def connect_small(path: Path) -> object:
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 30")
        return connection

    monkeypatch.setattr(writer, "connect", connect_small)
    with pytest.raises(CacheError, match="Free some space"):
        run(server, tmp_path, tagging_work(5_000))
    monkeypatch.undo()
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.read("PRAGMA integrity_check") == [("ok",)]
        n_kept = cache.counts()[0]
    with FakeEndpoint() as other:  # what was in flight may still reach the first one
        answers = run(other, tmp_path, tagging_work(400))
        assert other.record.n_requests == 400 - sum(answer.is_cached for answer in answers)
    assert n_kept > 0


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", READABLE_FAULTS)
def test_a_reply_that_can_be_read_safely_is_read(server: FakeEndpoint, tmp_path: Path, fault: str) -> None:
    clean = run(server, tmp_path / "clean", [("a", judge_request("x"))], parse_scores)
    server.behaviour.fault = lambda body, n_seen: fault
    server.forget()
    (answer,) = run(server, tmp_path / "bent", [("a", judge_request("x"))], parse_scores)
    assert answer.value == clean[0].value
    assert server.record.n_requests == 1


KINDS = {
    "broken_json": "invalid_json",
    "prose": "invalid_json",
    "missing_key": "missing_key",
    "wrong_type": "invalid_value",
    "out_of_range": "out_of_range",
    "not_a_number": "invalid_value",
    "truncated": "truncated",
    "refusal": "refused",
    "content_filter": "refused",
    "empty": "empty_reply",
}


@pytest.mark.parametrize("fault", REPLY_FAULTS)
def test_an_unusable_reply_is_asked_again_then_a_typed_error(server: FakeEndpoint, tmp_path: Path, fault: str) -> None:
    server.behaviour.fault = lambda body, n_seen: fault
    (answer,) = run(server, tmp_path, [("a", judge_request("x"))], parse_scores)
    assert answer.value is None
    assert answer.error is not None
    assert answer.error.partition(":")[0] == KINDS[fault]
    assert answer.n_attempts == server.record.n_requests == 3
    bodies = [json.loads(body) for body in server.record.bodies]
    assert [body["temperature"] for body in bodies] == [0, 0.4, 0.8], "the same again would bring the same again"
    # A later run asks again, with further attempts of their own.
    server.forget()
    server.behaviour.fault = None
    (answer,) = run(server, tmp_path, [("a", judge_request("x"))], parse_scores)
    assert answer.error is None
    assert (answer.n_attempts, server.record.n_requests) == (4, 1)
    # And from then on nothing is asked.
    (answer,) = run(server, tmp_path, [("a", judge_request("x"))], parse_scores)
    assert (answer.n_attempts, answer.is_cached, server.record.n_requests) == (4, True, 1)


def test_a_replay_leaves_failed_items_failed(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "prose" if "number 1." in body else None
    first = run(server, tmp_path, tagging_work(3))
    server.forget()
    second = run(server, tmp_path, tagging_work(3), ask_failed_again=False)
    assert server.record.n_requests == 0
    assert {a.item_id: (a.value, a.error, a.n_attempts, a.request_key) for a in first} == {
        a.item_id: (a.value, a.error, a.n_attempts, a.request_key) for a in second
    }


@pytest.mark.parametrize("fault", ["rate_limit", "http_500", "http_503", "dropped", "not_json", "no_choices", "slow"])
def test_a_transient_fault_is_tried_again(server: FakeEndpoint, tmp_path: Path, fault: str) -> None:
    server.behaviour.fault = lambda body, n_seen: fault if n_seen < 2 else None
    server.behaviour.slow_s = 3.0
    timeout_s = 0.5 if fault == "slow" else 10.0
    (answer,) = run(server, tmp_path, [("a", tag_request("x"))], request_timeout_s=timeout_s)
    assert answer.error is None
    assert (answer.n_attempts, server.record.n_requests) == (1, 3)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", "http_429: Rate limit reached. (3 tries)"),
        ("http_500", "http_500: The server had an error. (3 tries)"),
        ("dropped", "connection: "),
        ("not_json", "bad_response: not JSON"),
        ("slow", "timeout: no reply within 0.5 s (3 tries)"),
    ],
)
def test_a_lasting_fault_is_a_typed_error_and_not_kept(
    server: FakeEndpoint, tmp_path: Path, fault: str, error: str
) -> None:
    server.behaviour.fault = lambda body, n_seen: fault
    server.behaviour.slow_s = 3.0
    timeout_s = 0.5 if fault == "slow" else 10.0
    (answer,) = run(server, tmp_path, [("a", tag_request("x"))], request_timeout_s=timeout_s, max_retries=2)
    assert (answer.value, answer.raw_reply, answer.requested_at, answer.n_attempts) == (None, None, None, 1)
    assert answer.error is not None
    assert answer.error.startswith(error)
    assert server.record.n_requests == 3
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts() == (0, 0)
    server.behaviour.fault = None
    (answer,) = run(server, tmp_path, [("a", tag_request("x"))])
    assert (answer.error, answer.n_attempts) == (None, 1)


def test_a_refused_request_is_an_error_of_its_item_alone(server: FakeEndpoint, tmp_path: Path) -> None:
    """A prompt that is too long fails; it does not change how the others are asked."""
    run(server, tmp_path, tagging_work(1))
    server.behaviour.status = 400
    server.behaviour.error_text = "This model's maximum context length is 10 tokens, reduce max_tokens or the messages."
    (answer,) = run(server, tmp_path, tagging_work(1, start=1))
    assert answer.error is not None
    assert answer.error.startswith("http_400: This model's maximum context length")
    server.behaviour.status = None
    server.forget()
    run(server, tmp_path, tagging_work(1, start=2))
    (body,) = (json.loads(text) for text in server.record.bodies)
    assert body["max_tokens"] == 100
    assert body["response_format"]["type"] == "json_schema"


@pytest.mark.long
@pytest.mark.parametrize("retry_after", ["0.5", "date"])
def test_retry_after_is_honoured(server: FakeEndpoint, tmp_path: Path, retry_after: str) -> None:
    if retry_after == "date":
        retry_after = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    server.behaviour.retry_after = retry_after
    server.behaviour.fault = lambda body, n_seen: "rate_limit" if n_seen == 0 else None
    run(server, tmp_path, [("a", tag_request("x"))])
    first, second = server.record.arrived_at
    assert 0.5 <= second - first < 3.5


def test_a_server_that_asks_to_wait_for_hours_is_not_waited_for(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.retry_after = "86400"
    server.behaviour.fault = lambda body, n_seen: "rate_limit"
    (answer,) = run(server, tmp_path, [("a", tag_request("x"))])
    assert answer.error is not None
    assert "http_429" in answer.error
    assert "86,400" in answer.error


def test_pauses_grow_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_BACKOFF_S", 0.5)
    for n_failures, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (20, 60.0)]:
        pauses = {retries.backoff_s(n_failures, None) for _ in range(200)}
        assert len(pauses) > 100
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest
    assert all(7.0 <= retries.backoff_s(1, 7.0) <= 8.0 for _ in range(100))


@pytest.mark.slow
def test_two_thousand_items_with_thirty_percent_faults_of_all_kinds(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour = Behaviour(fault_rate=0.3, slow_s=2.0, seed=5)
    answers = run(server, tmp_path, tagging_work(2_000), max_concurrency=64, request_timeout_s=0.5)
    assert Counter(answer.item_id for answer in answers) == Counter(f"item-{number}" for number in range(2_000))
    assert set(server.record.faults) == set(FAULTS), "every kind of fault was met"
    assert sum(server.record.faults.values()) > 600
    known = {"timeout", "connection", "bad_response", "http_429", "http_500", "http_503", *KINDS.values()}
    for answer in answers:
        assert (answer.value is None) == (answer.error is not None)
        assert answer.error is None or answer.error.partition(":")[0] in known
        assert answer.value is None or [tag["tag_position"] for tag in answer.value] == [1, 2, 3]
    n_failed = sum(answer.error is not None for answer in answers)
    assert n_failed < 60
    # The faultless run gives the same tags to all that were not failed.
    server.behaviour = Behaviour()
    clean = {answer.item_id: answer.value for answer in run(server, tmp_path / "clean", tagging_work(2_000))}
    assert all(answer.value == clean[answer.item_id] for answer in answers if answer.error is None)
    # And a later run asks for the failed ones only.
    server.forget()
    again = run(server, tmp_path, tagging_work(2_000))
    assert all(answer.error is None for answer in again)
    assert server.record.n_requests == n_failed


# --- endpoints that cannot be used, and those that take less ----------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour(api_key="another"), "OPENAI_API_KEY"),
        (Behaviour(status=403, error_text="forbidden"), "OPENAI_API_KEY"),
        (Behaviour(models=frozenset({"theirs"})), "TACOS_TAGGING_MODEL"),
        (Behaviour(status=404, error_text="no such page"), "OPENAI_BASE_URL"),
        (Behaviour(status=402, error_text="no credit left"), "cannot pay"),
    ],
)
def test_an_endpoint_that_is_plainly_wrong_ends_the_run(tmp_path: Path, behaviour: Behaviour, words: str) -> None:
    with FakeEndpoint(behaviour) as server:
        with pytest.raises(EndpointError) as caught:
            run(server, tmp_path, tagging_work(1_000))
        assert words in str(caught.value)
        assert server.base_url in str(caught.value)
        assert server.record.n_requests <= 16


def test_an_address_where_nothing_listens_ends_the_run(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(EndpointError, match=r"Nothing answers at http://127\.0\.0\.1:9/v1.*OPENAI_BASE_URL"):
        run(Endpoint(("http://127.0.0.1:9/v1",)), tmp_path, tagging_work(1_000))
    assert time.monotonic() - started < 60, "each of the thousand was tried"


def test_an_endpoint_that_goes_down_ends_the_run_and_what_came_stays(server: FakeEndpoint, tmp_path: Path) -> None:
    turns = itertools.count(1)
    server.behaviour.fault = lambda body, n_seen: "http_503" if next(turns) > 300 else None
    with pytest.raises(EndpointError, match=r"50 requests in a row failed.*http_503"):
        run(server, tmp_path, tagging_work(5_000), max_retries=1)
    assert server.record.n_requests < 600
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts()[0] == sum(server.record.answered.values()) == 300


@pytest.mark.parametrize(
    ("refused", "formats"),
    [
        ({"json_schema"}, ["json_schema", "json_object"]),
        ({"json_schema", "json_object"}, ["json_schema", "json_object", None]),
    ],
)
@pytest.mark.parametrize("says", ["response_format of type '{type}' is not supported", "Bad request"])
def test_a_refused_reply_format_falls_back_and_is_remembered(
    server: FakeEndpoint, tmp_path: Path, refused: set[str], formats: list[str | None], says: str
) -> None:
    server.behaviour.refused_formats = frozenset(refused)
    server.behaviour.refusal_text = says
    answers = run(server, tmp_path, tagging_work(1))
    assert answers[0].error is None
    sent = [json.loads(body) for body in server.record.bodies]
    assert [body.get("response_format", {}).get("type") for body in sent] == formats
    assert "JSON schema" in sent[-1]["messages"][0]["content"], "what the format cannot say, the instructions say"
    assert sent[-1]["messages"][1] == sent[0]["messages"][1], "the sample's message stays as it is"
    server.forget()
    run(server, tmp_path, tagging_work(200, start=1))
    assert server.record.n_requests == 200, "no further request is refused"


def test_a_crowd_of_refusals_moves_the_format_one_step_only(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_FIRST", 32)
    server.behaviour.refused_formats = frozenset({"json_schema"})
    server.behaviour.latency_s = 0.05
    answers = run(server, tmp_path, tagging_work(64), max_concurrency=32)
    assert all(answer.error is None for answer in answers)
    kinds = Counter(json.loads(body).get("response_format", {}).get("type") for body in server.record.bodies)
    assert kinds == {"json_schema": 32, "json_object": 64}


def test_refused_parameters_are_renamed_or_left_out(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.refused_parameters = frozenset({"max_tokens", "temperature"})
    answers = run(server, tmp_path, tagging_work(30))
    assert all(answer.error is None for answer in answers)
    body = json.loads(list(server.record.answered)[-1])
    assert body["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature"} & set(body)
    assert body["response_format"]["type"] == "json_schema"


# --- settings, secrets, replay ----------------------------------------------------------------------------------------


def test_the_endpoint_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(EndpointError, match=r"OPENAI_API_KEY is not set.*api\.openai\.com"):
        configured_endpoint()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://one:1/v1/, http://two:2/v1")
    assert configured_endpoint() == Endpoint(("http://one:1/v1", "http://two:2/v1"), None)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert configured_endpoint().api_key == SECRET
    assert SECRET not in repr(configured_endpoint())
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{SECRET}@host/v1")
    with pytest.raises(SettingError, match="no user or password") as caught:
        configured_endpoint()
    assert SECRET not in str(caught.value)
    monkeypatch.setenv("OPENAI_BASE_URL", "api.example.com")
    with pytest.raises(SettingError, match="OPENAI_BASE_URL"):
        configured_endpoint()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_key_that_the_endpoint_repeats_is_hidden(tmp_path: Path, status: int) -> None:
    with FakeEndpoint(Behaviour(status=status, error_text="bad key {key} in 'Bearer {key}'")) as server:
        try:
            text = repr(run(server, tmp_path, tagging_work(1), max_retries=0))
        except EndpointError as error:
            text = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert SECRET not in text
    assert "***" in text


def test_the_key_is_in_no_file(server: FakeEndpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server.behaviour.fault = lambda body, n_seen: "http_500" if n_seen == 0 else None
    answers = run(server, tmp_path, tagging_work(20))
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        export_cache(cache, tmp_path / "export.jsonl")
        assert SECRET not in repr(list(cache.iter_replies()))
        assert server.record.keys == {SECRET}
        for path in tmp_path.iterdir():
            assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in repr(answers)
    assert SECRET not in caplog.text


def test_an_imported_cache_replays_without_endpoint_or_key(server: FakeEndpoint, tmp_path: Path) -> None:
    original = run(server, tmp_path / "here", tagging_work(300))
    with ResponseCache(tmp_path / "here" / "cache.sqlite") as cache:
        export_cache(cache, tmp_path / "carried.jsonl")
    with ResponseCache(tmp_path / "there" / "cache.sqlite") as cache:
        import_cache(cache, tmp_path / "carried.jsonl")
    opened = Opened(Endpoint(("http://127.0.0.1:9/v1",)))
    replayed = run(opened, tmp_path / "there", tagging_work(300))
    assert opened.n_opened == 0
    assert {a.item_id: (a.raw_reply, a.value, a.requested_at) for a in replayed} == {
        a.item_id: (a.raw_reply, a.value, a.requested_at) for a in original
    }


@pytest.mark.long
def test_a_second_run_waits_and_then_uses_what_the_first_paid(
    server: FakeEndpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.behaviour.latency_s = 0.05
    with ResponseCache(tmp_path / "cache.sqlite"):
        pass  # the file is there: who creates it is not what this is about
    results: list[list] = []
    threads = [
        threading.Thread(target=lambda: results.append(run(server, tmp_path, tagging_work(200), max_concurrency=8)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(answers) for answers in results] == [200, 200]
    assert server.record.n_requests == 200, "nothing is paid twice"
    assert "Another run (process" in capfd.readouterr().err


def test_max_attempts_must_make_sense(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_attempts"):
        ask("t", [], parse_tags, open_endpoint=lambda: nullcontext(Endpoint(("http://x/v1",))), max_attempts=0)


@pytest.mark.parametrize(
    ("text", "finish_reason", "kind"),
    [
        ("The first one is", "length", "truncated"),
        ('{"first_score": 85, "second_score": 40,}', "length", "truncated"),
        ("", "length", "truncated"),
        (None, "stop", "empty_reply"),
        ('{"first_score": 85, "second_score": 40}', "content_filter", "refused"),
        ('{"first_score": 85, "second_score": 40}', "length", None),
        ('{"first_score": 85, "second_score": 40}', None, None),
    ],
)
def test_a_reply_that_was_cut_is_read_only_if_it_is_whole(
    text: str | None, finish_reason: str | None, kind: str | None
) -> None:
    reply = CachedReply("0" * 64, "t", "m", 1, text, None, finish_reason, 1, 0, 64, 1.0, 0)
    if kind is None:
        assert evaluate(reply, parse_scores) == (85, 40)
    else:
        with pytest.raises(InvalidReply) as caught:
            evaluate(reply, parse_scores)
        assert caught.value.kind == kind
