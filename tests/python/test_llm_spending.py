"""Rate limits, prices and the spending limit, against a server that counts what it would charge."""

from __future__ import annotations

import sqlite3
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import SECRET, run, tag_request, tagging_work
from sqlglot import exp
from sqlmesh import Context

from python_models.diagnostics.llm_calls import cached_calls
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.cache.transfer import export_cache, import_cache
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import CacheError, PriceError, SpendingLimitReached
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.prices import Price, find_price, max_prompt_tokens, read_prices

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("fresh_client")]


PRICE = read_prices()["gpt-4o-mini"]


def charged(server: FakeEndpoint, price: Price = PRICE) -> float:
    """US dollars for everything that the server answered."""
    return price.cost(server.record.n_prompt_tokens, 0, server.record.n_completion_tokens)


# --- prices -----------------------------------------------------------------------------------------------------------


def test_a_price_counts_cached_tokens_and_the_batch_discount() -> None:
    price = Price(1.0, 0.1, 10.0)
    assert price.cost(1_000_000, 400_000, 100_000) == pytest.approx(0.6 + 0.04 + 1.0)
    assert price.cost(1_000_000, 400_000, 100_000, is_batch=True) == pytest.approx(0.82)
    assert price.cost(1_000_000, 400_000, 0, n_written=600_000) == pytest.approx(0.6 + 0.04), (
        "writing costs nothing more"
    )
    price = price._replace(cache_write_usd=1.25)
    assert price.cost(1_000_000, 400_000, 100_000, n_written=500_000) == pytest.approx(0.1 + 0.04 + 0.625 + 1.0)
    assert price.cost(1_000_000, 400_000, 0, n_written=900_000) == pytest.approx(0.04 + 0.75), "no more than was sent"
    assert price.cost(1_000_000, 400_000, 0, n_written=900_000) <= price.worst_cost(1_000_000, 0)
    assert price.cost(100, 500, 0) == pytest.approx(100 * 0.1 / 1e6), "no more can be cached than was sent"


def test_a_dated_model_has_the_price_of_its_family() -> None:
    prices = {"gpt-4o": Price(2, 1, 10), "gpt-4o-mini": Price(1, 1, 1)}
    assert find_price(prices, "gpt-4o-2024-08-06") == prices["gpt-4o"]
    assert find_price(prices, "gpt-4o-mini-20240718") == prices["gpt-4o-mini"]
    assert find_price(prices, "gpt-4o-audio") is None


def test_the_bundled_prices_can_be_read_and_are_sane() -> None:
    prices = read_prices()
    assert len(prices) > 10
    assert all(0 < price.cached_input_usd <= price.input_usd <= price.output_usd for price in prices.values())


@pytest.mark.parametrize(
    "row", ["gpt,1,1", "gpt,one,1,1,2025-01-01,x", "gpt,-1,1,1,2025-01-01,x", "gpt,nan,1,1,2025-01-01,x"]
)
def test_a_price_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "prices.csv"
    header = "model_name,input_usd_per_million,cached_input_usd_per_million,output_usd_per_million,valid_on,source"
    path.write_text(f"{header}\n{row}\n")
    with pytest.raises(PriceError, match="line 2"):
        read_prices(path)


def test_the_bound_of_prompt_tokens_holds_for_hard_texts() -> None:
    """One token per byte is the worst that byte-level vocabularies can do."""
    text = "\U0001f600漢字\x00" * 100
    assert max_prompt_tokens(tag_request(text)) >= len(text.encode())


# --- rate limits ------------------------------------------------------------------------------------------------------


def test_requests_per_minute_are_kept_as_an_even_flow(server: FakeEndpoint, tmp_path: Path) -> None:
    started = time.monotonic()
    run(server, tmp_path, tagging_work(40), requests_per_minute=1_200)
    assert time.monotonic() - started >= 40 / 20 * 0.9 - 1.0
    times = sorted(server.record.arrived_at)
    for first in times:
        assert sum(first <= moment < first + 1.0 for moment in times) <= 2 * 20, "a burst of one second at most"
    assert times[-1] - started >= (40 - 20) / 20 * 0.9


def test_tokens_per_minute_are_kept_even_by_large_requests(server: FakeEndpoint, tmp_path: Path) -> None:
    """Each request is larger than what may go in a second."""
    one = max_prompt_tokens(tag_request("Do thing number 1.")) // 4 + 100
    started = time.monotonic()
    run(server, tmp_path, tagging_work(5), tokens_per_minute=one * 60 * 2)
    times = sorted(server.record.arrived_at)
    assert times[-1] - started >= 4 / 2 * 0.7


def test_retries_count_against_the_rate_limit(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.fault = lambda body, n_seen: "http_500" if n_seen < 3 else None
    started = time.monotonic()
    run(server, tmp_path, tagging_work(10), requests_per_minute=1_200)
    times = sorted(server.record.arrived_at)
    assert len(times) == 40
    assert times[-1] - started >= (40 - 20) / 20 * 0.9


# --- the spending limit -----------------------------------------------------------------------------------------------


def test_the_limit_is_never_passed_and_a_higher_one_goes_on(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.latency_s = 0.01
    run(server, tmp_path / "free", tagging_work(400))
    whole = charged(server)
    server.forget()
    with pytest.raises(SpendingLimitReached, match=r"TACOS_MAX_COST_USD.*cache.*again"):
        run(server, tmp_path, tagging_work(400), max_cost_usd=whole / 2)
    first_part = charged(server)
    assert 0.4 * whole < first_part <= whole / 2, "stops below the limit, but not long before"
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts()[0] == sum(server.record.answered.values()), "everything received stays"
        assert cache.reserved() == []
    answers = run(server, tmp_path, tagging_work(400), max_cost_usd=whole * 1.5)
    assert all(answer.error is None for answer in answers)
    assert charged(server) == pytest.approx(whole), "nothing is paid twice"
    assert max(server.record.bodies.values()) == 1


def test_a_limit_of_nothing_sends_nothing(server: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(SpendingLimitReached):
        run(server, tmp_path, tagging_work(10), max_cost_usd=0.0)
    assert server.record.n_requests == 0


def test_what_is_cached_needs_no_budget(server: FakeEndpoint, tmp_path: Path) -> None:
    run(server, tmp_path, tagging_work(10))
    assert len(run(server, tmp_path, tagging_work(10), max_cost_usd=0.0)) == 10


def test_requests_of_unknown_outcome_count_as_paid(server: FakeEndpoint, tmp_path: Path) -> None:
    """A timed-out request may have been charged for: the limit must hold even so."""
    server.behaviour.fault = lambda body, n_seen: "slow"
    server.behaviour.slow_s = 0.5
    (answer,) = run(server, tmp_path, tagging_work(1), request_timeout_s=0.1, max_retries=2, max_cost_usd=1.0)
    assert answer.error is not None
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        ((model, is_batch, n_prompt, n_completion),) = cache.reserved()
    assert (model, is_batch, n_completion) == ("gpt-4o-mini", 0, 3 * 100)
    unknown = PRICE.cost(n_prompt, 0, n_completion)
    server.behaviour.fault = None
    with pytest.raises(SpendingLimitReached):
        run(server, tmp_path, tagging_work(1), max_cost_usd=unknown)


@pytest.mark.parametrize("fault", ["rate_limit", "http_500"])
def test_refused_requests_cost_nothing(server: FakeEndpoint, tmp_path: Path, fault: str) -> None:
    server.behaviour.fault = lambda body, n_seen: fault if n_seen == 0 else None
    run(server, tmp_path, tagging_work(20), max_cost_usd=1.0)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.reserved() == []


def test_replies_without_usage_count_at_their_worst(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(has_usage=False)) as server:
        (answer,) = run(server, tmp_path, tagging_work(1), max_cost_usd=1.0)
    assert (answer.n_prompt_tokens, answer.n_completion_tokens) == (None, None)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.reserved()[0][3] == 100
        assert cache.usage()[0].n_uncounted == 1


def test_cached_prompt_tokens_are_kept_and_cheaper(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.cached_tokens = 5
    run(server, tmp_path, tagging_work(4))
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.usage()[0].n_cached_tokens == 20


@pytest.mark.parametrize("n_written", [None, 0, 7])
def test_what_is_recorded_is_the_bill(
    server: FakeEndpoint, tmp_path: Path, project: Context, n_written: int | None
) -> None:
    """Of a model whose endpoint asks for what it writes to its cache; where it does not say, at the input price."""
    server.behaviour.cached_tokens, server.behaviour.cache_write_tokens = 3, n_written
    model = "gpt-6-luna"
    work = [(str(number), tag_request("Do it " + "again " * (10 + number), model=model)) for number in range(12)]
    run(server, tmp_path, work, max_cost_usd=1.0)
    bill = Decimal(0)
    for usage in server.record.usages:  # dollars per million: read 0.01, written 0.125, other 0.10, reply 0.50
        details = usage["prompt_tokens_details"]
        n_read, n_new = details["cached_tokens"], details.get("cache_write_tokens", 0)
        bill += n_read * Decimal("0.01") + n_new * Decimal("0.125") + usage["completion_tokens"] * Decimal("0.50")
        bill += (usage["prompt_tokens"] - n_read - n_new) * Decimal("0.10")
    assert len(server.record.usages) == 12
    assert any(usage["prompt_tokens"] > 20 for usage in server.record.usages)
    ((spent, n_recorded),) = llm_spend(project, tmp_path / "cache.sqlite")
    assert spent == pytest.approx(float(bill / 1_000_000), rel=1e-9)
    assert n_recorded == (None if n_written is None else 12 * n_written)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert Budget(None, read_prices(), cache).spent_usd == pytest.approx(spent)


def llm_spend(project: Context, cache: Path) -> list[tuple[float, int | None]]:
    """Dollars and tokens written, of each row of tacos.llm_spend that a cache gives."""
    query = project.get_model("tacos.llm_spend", raise_if_missing=True).render_query_or_raise()
    query = exp.replace_tables(query, {"warehouse.tacos.llm_calls": "calls"}, dialect="duckdb")
    with duckdb.connect() as connection:
        connection.register("calls", pa.Table.from_batches(cached_calls(cache)))
        return connection.sql(f"SELECT cost_usd, n_cache_write_tokens FROM ({query.sql('duckdb')})").fetchall()


def test_an_unknown_price_with_a_limit_is_refused_before_sending(server: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(PriceError, match=r"price of 'my-model' is not known.*model_prices\.csv"):
        run(server, tmp_path, [("a", tag_request("x", model="my-model"))], max_cost_usd=1.0)
    assert server.record.n_requests == 0
    (answer,) = run(server, tmp_path, [("a", tag_request("x", model="my-model"))])
    assert answer.n_prompt_tokens, "without a limit tokens are counted all the same"


def test_a_request_of_unbounded_length_with_a_limit_is_refused(server: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="max_tokens"):
        run(server, tmp_path, [("a", tag_request("x", max_tokens=None))], max_cost_usd=1.0)
    server.behaviour.refused_parameters = frozenset({"max_tokens", "max_completion_tokens"})
    with pytest.raises(PriceError, match="max_tokens"):
        run(server, tmp_path, [("a", tag_request("x"))], max_cost_usd=1.0)
    assert not server.record.answered


def test_a_model_of_ones_own_is_free(server: FakeEndpoint, tmp_path: Path) -> None:
    own = Endpoint((server.base_url,), SECRET, is_free=True)
    run(own, tmp_path, [("a", tag_request("x", model="my-model"))], max_cost_usd=0.0)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.usage()[0].is_free
    run(server, tmp_path, tagging_work(1), max_cost_usd=1.0)


def test_imported_replies_were_paid_elsewhere(server: FakeEndpoint, tmp_path: Path) -> None:
    run(server, tmp_path / "a", tagging_work(200))
    with ResponseCache(tmp_path / "a" / "cache.sqlite") as cache:
        export_cache(cache, tmp_path / "export.jsonl")
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        import_cache(cache, tmp_path / "export.jsonl")
    one = PRICE.worst_cost(max_prompt_tokens(tag_request("Do thing number 200.")), 100)
    answers = run(server, tmp_path, tagging_work(201), max_cost_usd=one)
    assert len(answers) == 201


def test_the_bill_says_what_a_reply_cost_and_how_it_was_paid(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    reply = CachedReply("ab" * 32, "tagging", "gpt-6-luna", 1, "{}", None, "stop", 100, 10, 20, 5.0, 1_000)
    batch = reply._replace(key="cd" * 32, is_batch=True)
    free = reply._replace(key="ef" * 32, is_free=True, is_imported=True)
    with ResponseCache(path) as cache:
        for stored in (reply, batch, free, reply._replace(key="01" * 32, model="unheard of")):
            cache.put(stored).result()
    price = read_prices()["gpt-6-luna"].cost(100, 10, 20)
    calls = pa.Table.from_batches(cached_calls(path)).to_pylist()
    assert [call["cost_usd"] for call in calls] == [price, price / 2, 0.0, None]
    assert [call["payment"] for call in calls] == ["here", "batch", "free", "here"]


def test_the_bill_checks_what_the_run_has_not_read(tmp_path: Path) -> None:
    """A reply of an old prompt, of another environment: nobody else would see that its tokens were changed."""
    path = tmp_path / "cache.sqlite"
    reply = CachedReply("ab" * 32, "tagging", "gpt-6-luna", 1, "{}", None, "stop", 100, 10, 20, 5.0, 1_000)
    with ResponseCache(path) as cache:
        for stored in (reply, reply._replace(key="cd" * 32), reply._replace(key="ef" * 32)):
            cache.put(stored).result()
    with ResponseCache(path) as cache:
        assert len(cache.get_many(["ab" * 32, "ef" * 32])) == 2
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE replies SET n_completion_tokens = 2000 WHERE request_key = x'" + "cd" * 32 + "'")
    with pytest.raises(CacheError, match=r"the reply cdcd.* does not match its checksum"):
        list(cached_calls(path))


def test_another_cache_in_the_same_place_is_checked_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "cache.sqlite", tmp_path / "other.sqlite"
    reply = CachedReply("ab" * 32, "tagging", "gpt-6-luna", 1, "{}", None, "stop", 100, 10, 20, 5.0, 1_000)
    for made in (path, other):
        with ResponseCache(made) as cache:
            cache.put(reply).result()
            assert cache.get_many([reply.key])
    assert len(list(cached_calls(path))) == 1
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE replies SET n_completion_tokens = 2000")
    connection.close()
    other.replace(path)
    with pytest.raises(CacheError, match="does not match its checksum"):
        list(cached_calls(path))
