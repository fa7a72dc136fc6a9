"""Several processes that send for one project: each what is its own, and together nothing twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import run, tag_request, tagging_work

from python_models.cli import main
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.errors import ShardEnded
from python_models.settings import PROJECT_ROOT, LlmSettings, SettingError
from python_models.shard import Shard

N_ITEMS = 400

CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from llm_helpers import SECRET, run, tagging_work
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import ShardEnded
from python_models.settings import LlmSettings
shard = LlmSettings.from_environment().shard
try:
    endpoint = Endpoint(({base_url!r},), SECRET)
    run(endpoint, Path({folder!r}), tagging_work({n_items}), shard=shard, use_batch={use_batch})
except ShardEnded as error:
    print(error.message, flush=True)
"""


def start(server: FakeEndpoint, folder: Path, shard: str, *, use_batch: bool = False) -> subprocess.Popen[str]:
    """One shard in a process and with a cache of its own."""
    code = CHILD.format(
        tests=str(Path(__file__).parent),
        base_url=server.base_url,
        folder=str(folder),
        n_items=N_ITEMS,
        use_batch=use_batch,
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        env={"TACOS_SHARD": shard, "PATH": ""},
    )


def cached_keys(folder: Path) -> set[str]:
    with ResponseCache(folder / "cache.sqlite", read_only=True) as cache:
        return {reply.key for reply in cache.iter_replies()}


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(Behaviour(latency_s=0.01)) as endpoint:
        yield endpoint


@pytest.mark.long
@pytest.mark.parametrize("use_batch", [False, True])
def test_two_processes_at_once_pay_for_nothing_twice(
    server: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_batch: bool
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    processes = [
        start(server, folder, f"{number}/2", use_batch=use_batch) for number, folder in enumerate(folders, start=1)
    ]
    for number, process in enumerate(processes, start=1):
        output, errors = process.communicate(timeout=120)
        assert f"shard {number}/2 has asked for all that is its own" in output, errors
    one, two = (cached_keys(folder) for folder in folders)
    assert not one & two
    assert one | two == {request.key(1) for _, request in tagging_work(N_ITEMS)}
    assert min(len(one), len(two)) > N_ITEMS / 4, "a shard is about its share"
    assert set(server.record.answered.values()) == {1}
    assert len(server.record.answered) == N_ITEMS
    exported = []
    for folder in folders:
        monkeypatch.setenv("TACOS_CACHE", str(folder / "cache.sqlite"))
        exported.append(str(folder / "replies.jsonl.gz"))
        assert main(["cache", "export", exported[-1]]) == 0
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    assert main(["cache", "import", *exported]) == 0
    server.forget()
    merged = run(server, tmp_path, tagging_work(N_ITEMS))
    assert server.record.n_requests == 0
    alone = run(server, tmp_path / "alone", tagging_work(N_ITEMS))
    assert {answer.item_id: answer.value for answer in merged} == {answer.item_id: answer.value for answer in alone}


def test_a_shard_goes_on_as_soon_as_the_others_replies_are_there(server: FakeEndpoint, tmp_path: Path) -> None:
    for number in (1, 2):
        with pytest.raises(ShardEnded) as ended:
            run(server, tmp_path, tagging_work(100), shard=Shard(number, 3))
        n_left = 100 - len(cached_keys(tmp_path))
        assert f"{n_left} more belong to the other shards" in ended.value.message
    answers = run(server, tmp_path, tagging_work(100), shard=Shard(3, 3))
    assert [answer.error for answer in answers] == [None] * 100
    assert set(server.record.answered.values()) == {1}


def test_a_reply_that_no_shard_could_use_is_asked_for_again_by_none(server: FakeEndpoint, tmp_path: Path) -> None:
    """Else each would have a table of its own, and ask about other pairs."""
    server.behaviour.answer = lambda body: (200, {"choices": [{"message": {"content": "?"}, "finish_reason": "stop"}]})
    work = [("item", tag_request("Do it."))]
    assert run(server, tmp_path, work)[0].error
    server.forget()
    for number in (1, 2):
        assert run(server, tmp_path, work, shard=Shard(number, 2))[0].error
    assert server.record.n_requests == 0
    assert run(server, tmp_path, work)[0].error
    assert server.record.n_requests > 0, "a run of its own does"


def test_every_request_has_one_shard_whatever_the_attempt() -> None:
    for _, request in tagging_work(50):
        holders = [number for number in range(1, 8) if Shard(number, 7).holds(request.key(1))]
        assert len(holders) == 1


def test_a_shard_has_its_share_of_rates_and_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REQUESTS_PER_MINUTE": "600", "TOKENS_PER_MINUTE": "80000", "MAX_COST_USD": "4"}.items():
        monkeypatch.setenv(f"TACOS_{name}", value)
    monkeypatch.setenv("TACOS_SHARD", "2/8")
    settings = LlmSettings.from_environment()
    assert settings.shard == Shard(2, 8)
    assert (settings.requests_per_minute, settings.tokens_per_minute, settings.max_cost_usd) == (75, 10_000, 0.5)


@pytest.mark.parametrize("value", ["0/8", "9/8", "2", "a/b", "1/0", "-1/2"])
def test_what_is_no_shard_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TACOS_SHARD", value)
    with pytest.raises(SettingError, match="TACOS_SHARD must be a shard"):
        LlmSettings.from_environment()
