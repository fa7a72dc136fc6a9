"""A lost or mistyped cache: what the warehouse holds is taken back, and nothing is paid for a second time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import judge_request, parse_scores, run, tag_request, tagging_work
from sqlmesh.core.engine_adapter import create_engine_adapter

from python_models.llm.answer_columns import ANSWER_FIELDS, answer_values
from python_models.llm.cache import recovery
from python_models.llm.cache.recovery import recover_replies
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.engine import Answer

N_ITEMS = 30


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What recovery sees of an execution context, over an empty warehouse; the cache is in the test's folder."""
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    yield SimpleNamespace(engine_adapter=create_engine_adapter(lambda: connection, "duckdb"), connection=connection)
    connection.close()


def store(warehouse: Any, table: str, answers: list[Answer[Any]]) -> None:
    """Make a physical table of replies, as SQLMesh names it."""
    rows = [answer_values(answer) | {"is_cut": False, "prompt_sha256": "x"} for answer in answers]
    given = pa.Table.from_pylist(rows, schema=pa.schema(ANSWER_FIELDS))
    warehouse.connection.register("given", given)
    warehouse.connection.execute(f"CREATE SCHEMA IF NOT EXISTS sqlmesh__tacos; CREATE TABLE {table} AS FROM given")
    warehouse.connection.unregister("given")


def lose_cache(folder: Path) -> None:
    for file in folder.glob("cache.sqlite*"):
        file.unlink()


def test_a_lost_cache_is_filled_from_the_warehouse(warehouse: Any, tmp_path: Path, capsys: Any) -> None:
    with FakeEndpoint() as server:
        tagged = run(server, tmp_path, tagging_work(N_ITEMS))
        judged = run(server, tmp_path, [("pair", judge_request("Which?"))], parse_scores)
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", tagged)
        store(warehouse, "sqlmesh__tacos.tacos_internal__pair_replies_2__9", judged)
        n_paid = server.record.n_requests
        assert recover_replies(warehouse) == 0, "nothing is lost"
        assert "taken back" not in capsys.readouterr().err

        lose_cache(tmp_path)
        assert recover_replies(warehouse) == N_ITEMS + 1
        told = capsys.readouterr().err
        assert "TACOS_CACHE" in told
        assert f"{N_ITEMS + 1} were taken back" in told
        again = run(server, tmp_path, tagging_work(N_ITEMS))
        assert {answer.item_id: answer.value for answer in again} == {a.item_id: a.value for a in tagged}
        assert run(server, tmp_path, [("pair", judge_request("Which?"))], parse_scores)[0].value == judged[0].value
        assert server.record.n_requests == n_paid
        with ResponseCache(tmp_path / "cache.sqlite", read_only=True) as cache:
            tokens = {usage.stage: usage.n_prompt_tokens for usage in cache.usage()}
        assert tokens["tagging"] == sum(answer.n_prompt_tokens or 0 for answer in tagged)
        assert recover_replies(warehouse) == 0


def test_a_cache_of_something_else_and_a_damaged_backup_are_filled(warehouse: Any, tmp_path: Path) -> None:
    """A path that exists but is another project's, and a backup that lacks the last replies."""
    with FakeEndpoint() as server:
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", run(server, tmp_path, tagging_work(N_ITEMS)))
        lose_cache(tmp_path)
        run(server, tmp_path, tagging_work(3 * N_ITEMS, start=1_000))
        assert recover_replies(warehouse) == N_ITEMS
        lose_cache(tmp_path)
        run(server, tmp_path, tagging_work(N_ITEMS - 5))
        assert recover_replies(warehouse) == 5


def test_it_is_looked_for_once_in_a_run_and_anew_in_the_next(
    warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    stored_replies = recovery._stored_replies
    monkeypatch.setattr(recovery, "_stored_replies", lambda context: looks.append(context) or stored_replies(context))
    with FakeEndpoint() as server:
        for stage in ("tag", "pair"):
            assert recover_replies(warehouse) == 0
            answers = run(server, tmp_path, tagging_work(N_ITEMS))
            store(warehouse, f"sqlmesh__tacos.tacos__{stage}_replies__1", answers)
        assert len(looks) == 1
        assert recover_replies(warehouse) == 0
        lose_cache(tmp_path)
        run(server, tmp_path, tagging_work(1))
        assert recover_replies(SimpleNamespace(engine_adapter=warehouse.engine_adapter.with_settings())) == N_ITEMS - 1
    assert len(looks) == 2


def test_a_cache_that_shrinks_in_a_run_is_filled_again(warehouse: Any, tmp_path: Path) -> None:
    with FakeEndpoint() as server:
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", run(server, tmp_path, tagging_work(N_ITEMS)))
        assert recover_replies(warehouse) == 0
        lose_cache(tmp_path)
        run(server, tmp_path, tagging_work(1))
        assert recover_replies(warehouse) == N_ITEMS - 1


def test_a_reply_that_took_two_attempts_is_found_without_the_first(warehouse: Any, tmp_path: Path) -> None:
    def fault(body: str, _: int) -> str | None:
        return "broken_json" if json.loads(body)["temperature"] == 0 else None

    with FakeEndpoint(Behaviour(fault=fault)) as server:
        (answer,) = run(server, tmp_path, [("one", tag_request("Do it."))])
        assert (answer.n_attempts, answer.error) == (2, None)
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", [answer])
        lose_cache(tmp_path)
        n_paid = server.record.n_requests
        assert recover_replies(warehouse) == 1
        (again,) = run(server, tmp_path, [("one", tag_request("Do it."))])
        assert (again.value, again.n_attempts, server.record.n_requests) == (answer.value, 2, n_paid)


def test_failed_replies_are_not_taken_back(warehouse: Any, tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(fault=lambda *_: "refusal")) as server:
        answers = run(server, tmp_path, tagging_work(3), max_attempts=1)
        assert all(answer.error for answer in answers)
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", answers)
        lose_cache(tmp_path)
        assert recover_replies(warehouse) == 0


def test_how_it_was_paid_is_taken_back_from_llm_calls(warehouse: Any, tmp_path: Path) -> None:
    with FakeEndpoint() as server:
        answers = run(server, tmp_path, tagging_work(2))
        store(warehouse, "sqlmesh__tacos.tacos__tag_replies__1", answers)
        values = json.dumps(answers[0].request_key).replace('"', "'")
        warehouse.connection.execute(
            "CREATE SCHEMA tacos; CREATE TABLE tacos.llm_calls AS SELECT "
            f"{values} AS request_key, 'stop' AS finish_reason, 3::BIGINT AS n_cached_prompt_tokens, "
            "1.5::DOUBLE AS latency_ms, 'free' AS payment"
        )
        lose_cache(tmp_path)
        assert recover_replies(warehouse) == 2
        with ResponseCache(tmp_path / "cache.sqlite", read_only=True) as cache:
            found = {reply.key: reply for reply in cache.iter_replies()}
        free, paid = (found[answer.request_key] for answer in answers)
        assert (free.is_free, free.n_cached_tokens, free.latency_ms, free.finish_reason) == (True, 3, 1.5, "stop")
        assert (paid.is_free, paid.n_cached_tokens) == (False, None)
