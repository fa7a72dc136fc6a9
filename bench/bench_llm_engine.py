"""How fast the engine asks, beside a bare loop of AsyncOpenAI and plain aiohttp; how fast it replays; its memory.

    python bench/bench_llm_engine.py                          everything (about two minutes)
    python bench/bench_llm_engine.py --calls 1000 --replies 5000 --memory 2000 10000
    python bench/bench_llm_engine.py --calls 0 --replies 0 --memory --simulated 10000 1000000

All figures come from one run on one machine, the ratio is what counts: the bare loop has neither cache nor parsing nor
limits, and uses the client as it comes. The engine's figure includes commits (synchronous to the disk) and parsing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import aiohttp
import machine
import openai

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply, now_us
from python_models.llm.endpoint.client import ChatClient
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.engine import ask
from python_models.llm.replies import parse_tags
from python_models.llm.request import ChatRequest
from python_models.settings import LlmSettings

CONCURRENCY = 64
_SIMULATED = "http://127.0.0.1:9/v1"
SCHEMA = {
    "type": "object",
    "properties": {
        "tags": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"tag": {"type": "string"}, "explanation": {"type": "string"}},
                "required": ["tag", "explanation"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["tags"],
    "additionalProperties": False,
}
SYSTEM = "You name the intentions of instructions with short tags. " * 12
REPLY = '{"tags": [{"tag": "translation", "explanation": "into French"}, {"tag": "poem", "explanation": "it rhymes"}]}'


def request(number: int) -> ChatRequest:
    """A tagging request of a usual size (about 1.2 kB)."""
    text = f"Number {number}: write a poem about the history of Rome and translate it into French. " * 3
    messages = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": text})
    return ChatRequest("fast", messages, {"temperature": 0, "max_tokens": 256}, SCHEMA, "tags")


def work(n_items: int) -> Iterator[tuple[str, ChatRequest]]:
    """So many different requests."""
    for number in range(n_items):
        yield str(number), request(number)


@contextmanager
def fast_endpoint() -> Iterator[str]:
    """The server in a process of its own; yields its base URL."""
    command = [sys.executable, str(Path(__file__).with_name("fast_endpoint.py"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


async def plain_aiohttp(base_url: str, n_calls: int, concurrency: int) -> float:
    """Calls per second of nothing but HTTP and JSON: what is the limit in Python."""
    numbers = iter(range(n_calls))
    connector = aiohttp.TCPConnector(limit=concurrency)

    async def slot(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            asked = request(number)
            body = {"model": asked.model, "messages": list(asked.messages), **asked.parameters}
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                reply = await response.json()
            if not reply["choices"][0]["message"]["content"]:
                raise RuntimeError("an empty reply")

    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(slot(session) for _ in range(concurrency)))
    return n_calls / (time.perf_counter() - started)


async def bare_loop(base_url: str, n_calls: int, concurrency: int) -> float:
    """Calls per second of AsyncOpenAI in its default configuration, so many at once."""
    client = openai.AsyncOpenAI(base_url=base_url, api_key="none")
    numbers = iter(range(n_calls))

    async def slot() -> None:
        for number in numbers:
            asked = request(number)
            completion = await client.chat.completions.create(
                model=asked.model,
                messages=list(asked.messages),
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "tags", "strict": True, "schema": SCHEMA},
                },
                **asked.parameters,
            )
            if not completion.choices[0].message.content:
                raise RuntimeError("an empty reply")

    started = time.perf_counter()
    await asyncio.gather(*(slot() for _ in range(concurrency)))
    seconds = time.perf_counter() - started
    await client.close()
    return n_calls / seconds


def engine(base_url: str, n_calls: int, cache_path: Path, concurrency: int) -> float:
    """Calls per second of the engine, commits and parsing included."""
    started = time.perf_counter()
    n_read = 0
    for answer in ask(
        "bench",
        work(n_calls),
        parse_tags,
        open_endpoint=lambda: nullcontext(Endpoint((base_url,))),
        cache_path=cache_path,
        settings=LlmSettings(max_concurrency=concurrency),
    ):
        n_read += answer.value is not None
    if n_read != n_calls:
        raise RuntimeError(f"{n_calls - n_read} of {n_calls} calls failed")
    return n_calls / (time.perf_counter() - started)


def compare(n_calls: int, n_rounds: int, concurrency: int) -> dict[str, float]:
    """All three in turns against the same server; medians over the rounds. CPU is that of this process alone."""
    rates: dict[str, list[float]] = {"aiohttp": [], "bare": [], "engine": []}
    cpu: dict[str, list[float]] = {name: [] for name in rates}
    with fast_endpoint() as base_url, tempfile.TemporaryDirectory() as folder:
        for number in range(n_rounds):
            cache = Path(folder) / f"{number}.sqlite"
            ways = {
                "aiohttp": lambda: asyncio.run(plain_aiohttp(base_url, n_calls, concurrency)),
                "bare": lambda: asyncio.run(bare_loop(base_url, n_calls, concurrency)),
                "engine": lambda cache=cache: engine(base_url, n_calls, cache, concurrency),
            }
            for name, way in ways.items():
                started = time.process_time()
                rates[name].append(way())
                cpu[name].append((time.process_time() - started) / n_calls * 1000)
    ratios = [ours / bare for ours, bare in zip(rates["engine"], rates["bare"], strict=True)]
    return {
        **{f"{name}_calls_per_s": round(statistics.median(found), 1) for name, found in rates.items()},
        **{f"{name}_cpu_ms": round(statistics.median(found), 3) for name, found in cpu.items()},
        "ratio": round(statistics.median(ratios), 2),
        "least_ratio": round(min(ratios), 2),
        "cpu_ratio": round(statistics.median(cpu["bare"]) / statistics.median(cpu["engine"]), 2),
    }


def fill(path: Path, n_items: int) -> None:
    """A cache that answers so many requests."""
    with ResponseCache(path) as cache:
        future = None
        for number in range(n_items):
            key = request(number).key(1)
            future = cache.put(
                CachedReply(key, "bench", "fast", 1, REPLY, None, "stop", 120, 0, 40, 900.0, 1_700_000_000_000_000)
            )
            if number % 5_000 == 0:
                future.result()
        if future is not None:
            future.result()


def no_endpoint() -> nullcontext[Endpoint]:
    """Everything is cached."""
    raise RuntimeError("a cached run must not open an endpoint")


def replay(path: Path, n_items: int) -> float:
    """Answers per second of a run from the cache, the making of the requests included."""
    started = time.perf_counter()
    n_read = 0
    for answer in ask("bench", work(n_items), parse_tags, open_endpoint=no_endpoint, cache_path=path):
        n_read += answer.is_cached and answer.value is not None
    if n_read != n_items:
        raise RuntimeError(f"{n_items - n_read} of {n_items} answers are missing")
    return n_items / (time.perf_counter() - started)


async def answer_at_once(
    _client: ChatClient, stage: str, request: ChatRequest, attempt: int, key: str, _level: int = 0
) -> CachedReply:
    """A reply without a call: all that the engine keeps of an item is kept, in a hundredth of a week."""
    return CachedReply(key, stage, request.model, attempt, REPLY, None, "stop", 120, 0, 40, 900.0, now_us())


def memory_of(n_items: int, *, is_simulated: bool = False) -> float:
    """Peak memory in MB of a process that asks so many items at an endpoint, or makes their replies itself."""
    server = nullcontext(_SIMULATED) if is_simulated else fast_endpoint()
    with server as base_url, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", base_url, str(n_items), str(Path(folder) / "cache.sqlite")]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return float(output)


def main() -> None:
    """Print one JSON object of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000, help="calls per round of the comparison, 0 to skip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[8, 64, 256])
    parser.add_argument("--replies", type=int, default=50_000, help="cached replies to replay, 0 to skip")
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 200_000], help="numbers of items")
    parser.add_argument("--simulated", type=int, nargs="*", default=[], help="numbers of items answered in the process")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        if options.child[0] == _SIMULATED:
            ChatClient.ask = answer_at_once  # type: ignore[method-assign]
        engine(options.child[0], int(options.child[1]), Path(options.child[2]), CONCURRENCY)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    figures: dict[str, object] = {"benchmark": "llm_engine", "machine": machine.describe()}
    for concurrency in options.in_flight if options.calls else []:
        figures[f"in_flight_{concurrency}"] = compare(options.calls, options.rounds, concurrency)
    if options.replies:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cache.sqlite"
            fill(path, options.replies)
            figures["cached_replies_per_s"] = round(max(replay(path, options.replies) for _ in range(3)))
    if options.memory:
        figures["peak_memory_mb"] = {str(n_items): round(memory_of(n_items), 1) for n_items in options.memory}
    if options.simulated:
        figures["simulated_peak_memory_mb"] = {
            str(n_items): round(memory_of(n_items, is_simulated=True), 1) for n_items in options.simulated
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
