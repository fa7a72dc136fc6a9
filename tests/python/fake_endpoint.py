"""An OpenAI-compatible HTTP server on loopback, with faults switched on per request, for tests and for trying by hand.

It tags by a hash of the prompt and judges by a function, so that equal requests always get equal replies. Which
requests meet a fault is decided by a hash too, so that a run can be repeated whatever the order of its calls.

    python tests/python/fake_endpoint.py --port 8000 --fault-rate 0.3
    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 TACOS_GATEWAY=openai sqlmesh plan
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from typing import Any

from aiohttp import web

HTTP_FAULTS = ("rate_limit", "http_500", "http_503", "slow", "dropped", "not_json", "no_choices")
REPLY_FAULTS = (
    "broken_json",
    "prose",
    "missing_key",
    "wrong_type",
    "out_of_range",
    "not_a_number",
    "truncated",
    "refusal",
    "content_filter",
    "empty",
)
READABLE_FAULTS = ("code_fence", "trailing_comma", "smart_quotes", "numbers_as_strings", "prose_around")
FAULTS = HTTP_FAULTS + REPLY_FAULTS + READABLE_FAULTS

TAGS = (
    "translation",
    "summary",
    "python code",
    "arithmetic",
    "biology",
    "poem",
    "letter",
    "history",
    "cooking",
    "logic",
)

Judge = Callable[[str], tuple[int, int]]
Tagger = Callable[[str], Sequence[str]]


def hash_of(*texts: object) -> int:
    """A whole number that depends on nothing but the texts."""
    return int.from_bytes(sha256("\x1f".join(map(str, texts)).encode("utf-8", "replace")).digest()[:8], "big")


def judge_by_hash(prompt: str) -> tuple[int, int]:
    """Scores that depend on the prompt alone."""
    return 1 + hash_of("first", prompt) % 100, 1 + hash_of("second", prompt) % 100


def tag_by_hash(prompt: str) -> Sequence[str]:
    """Three tags that depend on the prompt alone."""
    first = hash_of("tag", prompt)
    return [TAGS[(first + step * 3) % len(TAGS)] for step in range(3)]


@dataclass
class Behaviour:
    """What the server does; may be changed while it runs.

    Attributes:
        fault: name of a fault for a request body and how often it was seen before (0 the first time), or None.
        fault_rate, faults, seed: without ``fault``, this share of all requests meets one of these faults.
        latency_s: seconds before every answer.
        slow_s: seconds of the fault ``slow``.
        retry_after: header of the fault ``rate_limit``, None for none.
        api_key: the only key that is taken (401 for others), None for any.
        models: known models (404 for others), None for any.
        refused_formats: types of ``response_format`` that are answered with 400.
        refusal_text: what the 400 says about a format.
        refused_parameters: parameters that are answered with 400.
        status: answer every request with this status.
        error_text: message of errors.
        has_usage: whether replies carry token counts.
        tag: tags of a tagging request, by the text of its user message.
        judge: scores of a judging request, likewise.
        cached_tokens: prompt tokens reported as cached.
        cache_write_tokens: of the others, those reported as written to the cache; None for a server that does not say.
        has_batches: whether there is a batch API.
        batch_polls: how often a batch is looked at before it has ended.
        batch_status: how the batch of that number (from 0) ends: ``completed``, ``failed``, ``expired`` (half of its
            requests are answered) or ``cancelled``; by default ``completed``.
        batch_max_requests: larger batches are refused.
        batch_late_files: how often a completed batch is looked at before it names its files.
        batch_lost_lines: requests whose text holds this get no line in any file.
        batch_max_enqueued: batches that, together with those under way, have more requests end as
            ``token_limit_exceeded``.
        is_slow_over: ends the fault ``slow`` for all who wait in it.
        tokens_per_minute, minute_s: a limit as OpenAI keeps it, and how long its minute is; None for no limit.
        has_limit_headers: whether responses state the limit.
        n_slots: requests worked on at once, the others wait; each takes ``latency_s``. None for all at once.
        body: sent as it is in place of every completion: content and its encoding.
        answer: status and JSON (or text) of the answer to a request body; None to answer as usual.
        shutdown_dates: of models, as GET /v1/models names them.
    """

    fault: Callable[[str, int], str | None] | None = None
    fault_rate: float = 0.0
    faults: Sequence[str] = FAULTS
    seed: int = 0
    latency_s: float = 0.0
    slow_s: float = 30.0
    retry_after: str | None = "0.05"
    api_key: str | None = None
    models: frozenset[str] | None = None
    refused_formats: frozenset[str] = frozenset()
    refusal_text: str = "Invalid parameter: 'response_format' of type '{type}' is not supported with this model."
    refused_parameters: frozenset[str] = frozenset()
    status: int | None = None
    error_text: str = "the server is told to fail"
    has_usage: bool = True
    tag: Tagger = tag_by_hash
    judge: Judge = judge_by_hash
    cached_tokens: int = 0
    cache_write_tokens: int | None = None
    has_batches: bool = True
    batch_polls: int = 1
    batch_status: Callable[[int], str] | None = None
    batch_max_requests: int = 50_000
    batch_late_files: int = 0
    batch_lost_lines: str | None = None
    batch_max_enqueued: int | None = None
    is_slow_over: bool = False
    tokens_per_minute: float | None = None
    minute_s: float = 60.0
    has_limit_headers: bool = False
    n_slots: int | None = None
    body: Callable[[str], tuple[bytes, str] | None] | None = None
    answer: Callable[[dict[str, Any]], tuple[int, Any] | None] | None = None
    shutdown_dates: Mapping[str, str] = field(default_factory=dict)

    def choose_fault(self, body: str, n_seen: int) -> str | None:
        """The fault of a request, if it meets one."""
        if self.fault is not None:
            return self.fault(body, n_seen)
        if self.fault_rate and hash_of(self.seed, "rate", body, n_seen) % 10_000 < self.fault_rate * 10_000:
            return self.faults[hash_of(self.seed, "fault", body, n_seen) % len(self.faults)]
        return None


@dataclass
class Record:
    """What the server saw.

    Attributes:
        bodies: how often each request body came.
        answered: how often each request body was answered with a chat completion.
        statuses: answers by HTTP status.
        faults: faults by name.
        n_prompt_tokens, n_completion_tokens: of all chat completions answered.
        usages: of each of them, what the server says that it took.
        keys: keys that came in.
        most_in_flight: requests under way at once, at most.
        arrived_at: event-loop time of every request.
    """

    bodies: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    n_prompt_tokens: int = 0
    n_completion_tokens: int = 0
    usages: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    n_in_flight: int = 0
    most_in_flight: int = 0
    arrived_at: list[float] = field(default_factory=list)

    @property
    def n_requests(self) -> int:
        """All chat requests that came in."""
        return sum(self.bodies.values())


class FakeEndpoint:
    """The server, in a thread of its own; a context manager.

    Args:
        behaviour: what it does, faultless by default.
        port: 0 for a free one.
        keeps_bodies: False to count requests only (for benchmarks).
    """

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0, *, keeps_bodies: bool = True) -> None:
        self.behaviour = behaviour or Behaviour()
        self.record = Record()
        self.port = port
        self._keeps_bodies = keeps_bodies
        self._files: dict[str, bytes] = {}
        self._slots: asyncio.Semaphore | None = None
        self._level: tuple[float, float] | None = None
        self.batches: dict[str, dict[str, Any]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fake-endpoint", daemon=True)

    def __enter__(self) -> FakeEndpoint:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the fake endpoint did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def base_url(self) -> str:
        """Address for OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def forget(self) -> None:
        """Count from zero."""
        self.record = Record()

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=256 * 2**20)
        application.router.add_post("/v1/chat/completions", self._chat)
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/stats", self._stats)
        if self.behaviour.has_batches:
            application.router.add_post("/v1/files", self._upload)
            application.router.add_get("/v1/files/{id}/content", self._content)
            application.router.add_post("/v1/batches", self._create_batch)
            application.router.add_get("/v1/batches", self._list_batches)
            application.router.add_get("/v1/batches/{id}", self._poll_batch)
        return application

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve())
        self._loop.close()

    async def serve(self) -> None:
        """Serve until stopped."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _models(self, request: web.Request) -> web.Response:
        names = sorted((self.behaviour.models or {"fake-model"}) | self.behaviour.shutdown_dates.keys())
        dates = self.behaviour.shutdown_dates
        models = [{"id": name, "object": "model", "shutdown_date": dates.get(name)} for name in names]
        return web.json_response({"object": "list", "data": models})

    async def _stats(self, request: web.Request) -> web.Response:
        record = self.record
        return web.json_response(
            {
                "n_requests": record.n_requests,
                "n_answered": sum(record.answered.values()),
                "most_in_flight": record.most_in_flight,
                "statuses": record.statuses,
                "faults": record.faults,
                "n_prompt_tokens": record.n_prompt_tokens,
                "n_completion_tokens": record.n_completion_tokens,
            }
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        record = self.record
        record.arrived_at.append(self._loop.time() if self._loop.is_running() else 0.0)
        record.n_in_flight += 1
        record.most_in_flight = max(record.most_in_flight, record.n_in_flight)
        try:
            response = await self._answer(request)
        finally:
            record.n_in_flight -= 1
        record.statuses[response.status] += 1
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        behaviour, record = self.behaviour, self.record
        text = await request.text()
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        record.keys.add(key)
        counted = text if self._keeps_bodies else "any"
        n_seen = record.bodies[counted]
        record.bodies[counted] += 1
        body = json.loads(text)
        headers = self._limit(body)
        if "retry-after" in headers:
            return error_response(429, "Rate limit reached.", code="rate_limit_exceeded", headers=headers)
        if behaviour.n_slots is not None and self._slots is None:
            self._slots = asyncio.Semaphore(behaviour.n_slots)
        async with self._slots or nullcontext():
            await asyncio.sleep(behaviour.latency_s)
        refusal = self._refuse(body, key)
        if refusal is not None:
            return refusal
        answer = behaviour.answer(body) if behaviour.answer is not None else None
        if answer is not None:
            return self._answered(counted, *answer)
        fault = behaviour.choose_fault(text, n_seen)
        if fault is not None:
            record.faults[fault] += 1
            response = await self._fail(request, fault)
            if response is not None:
                return response
        raw = behaviour.body(text) if behaviour.body is not None else None
        if raw is not None:
            encoded = {"Content-Encoding": raw[1]} if raw[1] else {}
            return web.Response(body=raw[0], content_type="application/json", headers=encoded)
        return self._answered(counted, 200, complete(body, behaviour, fault), headers)

    def _limit(self, body: Mapping[str, Any]) -> dict[str, str]:
        """Headers that state the limit, with ``retry-after`` where the request has to wait for its tokens."""
        behaviour = self.behaviour
        if behaviour.tokens_per_minute is None:
            return {}
        rate = behaviour.tokens_per_minute / behaviour.minute_s
        now = self._loop.time()
        level, at = self._level or (behaviour.tokens_per_minute, now)
        level = min(behaviour.tokens_per_minute, level + (now - at) * rate)
        prompt = "".join(str(message["content"]) for message in body["messages"])
        needed = len(prompt) // 4 + body.get("max_tokens", 0)
        is_allowed = level >= needed
        self._level = (level - needed if is_allowed else level, now)
        headers = {} if is_allowed else {"retry-after": f"{(needed - level) / rate:.3f}"}
        if behaviour.has_limit_headers:
            headers["x-ratelimit-limit-tokens"] = f"{behaviour.tokens_per_minute:.0f}"
            headers["x-ratelimit-remaining-tokens"] = f"{self._level[0]:.0f}"
        return headers

    def _answered(
        self, counted: str, status: int, answer: Any, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """Send an answer, and count it if it is a chat completion."""
        record = self.record
        if isinstance(answer, str):
            return web.Response(status=status, text=answer)
        if status == 200 and isinstance(answer, dict) and "choices" in answer:
            record.answered[counted] += 1
            if answer.get("usage"):
                record.n_prompt_tokens += answer["usage"].get("prompt_tokens", 0)
                record.n_completion_tokens += answer["usage"].get("completion_tokens", 0)
                record.usages.append(answer["usage"])
        return web.json_response(answer, status=status, headers=headers)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        upload = form["file"]
        if form.get("purpose") != "batch" or not isinstance(upload, web.FileField):
            return error_response(400, "wanted a file for the purpose 'batch'")
        file_id = f"file-{len(self._files)}"
        self._files[file_id] = upload.file.read()
        return web.json_response({"id": file_id, "object": "file", "purpose": "batch", "filename": upload.filename})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["id"]], content_type="application/octet-stream")

    async def _create_batch(self, request: web.Request) -> web.Response:
        body = await request.json()
        lines = self._files[body["input_file_id"]].splitlines()
        if len(lines) > self.behaviour.batch_max_requests:
            return error_response(400, "too many requests in the batch")
        number = len(self.batches)
        batch = {
            "id": f"batch_{number}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "completion_window": body["completion_window"],
            "created_at": 1_700_000_000 + number,
            "status": "in_progress",
            "input_file_id": body["input_file_id"],
            "metadata": body.get("metadata"),
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        most = self.behaviour.batch_max_enqueued
        under_way = [found for found in self.batches.values() if found["status"] == "in_progress"]
        if most is not None and sum(found["request_counts"]["total"] for found in under_way) + len(lines) > most:
            error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}
            batch |= {"status": "failed", "errors": {"object": "list", "data": [error]}}
        self.batches[str(batch["id"])] = batch | {"polls": 0}
        return web.json_response(batch)

    async def _list_batches(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})

    async def _poll_batch(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return error_response(404, f"No batch found with id '{request.match_info['id']}'.")
        batch["polls"] += 1
        if batch["status"] == "in_progress" and batch["polls"] > self.behaviour.batch_polls:
            number = list(self.batches).index(batch["id"])
            self._end_batch(batch, self.behaviour.batch_status(number) if self.behaviour.batch_status else "completed")
        if batch["polls"] <= self.behaviour.batch_polls + self.behaviour.batch_late_files:
            return web.json_response({**batch, "output_file_id": None, "error_file_id": None})
        return web.json_response(batch)

    def _end_batch(self, batch: dict[str, Any], status: str) -> None:
        """Answer the requests of a batch, as far as its end allows."""
        batch["status"] = status
        if status == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "invalid", "message": "the file was not liked"}]}
            return
        lines = [json.loads(line) for line in self._files[batch["input_file_id"]].splitlines()]
        lost = self.behaviour.batch_lost_lines
        lines = [line for line in lines if lost is None or lost not in json.dumps(line["body"])]
        n_answered = len(lines) if status == "completed" else len(lines) // 2
        output, errors = [], []
        for number, line in enumerate(lines):
            if number >= n_answered:
                error = {"code": f"batch_{status}", "message": f"This request was not executed: {status}."}
                errors.append({"custom_id": line["custom_id"], "response": None, "error": error})
                continue
            code, body = self._answer_in_batch(line["body"])
            (output if code == 200 else errors).append(
                {"custom_id": line["custom_id"], "response": {"status_code": code, "body": body}, "error": None}
            )
        for name, results in (("output_file_id", output), ("error_file_id", errors)):
            if results:
                batch[name] = f"file-{len(self._files)}"
                self._files[batch[name]] = b"\n".join(json.dumps(result).encode() for result in results) + b"\n"
        batch["request_counts"] = {"total": len(lines), "completed": len(output), "failed": len(errors)}

    def _answer_in_batch(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        behaviour, record = self.behaviour, self.record
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        n_seen = record.bodies[text]
        record.bodies[text] += 1
        refusal = self._refuse(body, behaviour.api_key or "")
        if refusal is not None:
            return refusal.status, json.loads(refusal.text or "{}")
        fault = behaviour.choose_fault(text, n_seen)
        if fault is not None:
            record.faults[fault] += 1
            if fault in HTTP_FAULTS:
                return 500, {"error": {"message": "The server had an error.", "type": "server_error"}}
        completion = complete(body, behaviour, fault)
        record.answered[text] += 1
        record.n_prompt_tokens += completion["usage"]["prompt_tokens"]
        record.n_completion_tokens += completion["usage"]["completion_tokens"]
        record.usages.append(completion["usage"])
        return 200, completion

    def _refuse(self, body: Mapping[str, Any], key: str) -> web.Response | None:
        """What is wrong with the request as such, if anything."""
        behaviour = self.behaviour
        if behaviour.status is not None:
            return error_response(behaviour.status, behaviour.error_text.replace("{key}", key))
        if behaviour.api_key is not None and key != behaviour.api_key:
            return error_response(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")
        if behaviour.models is not None and body["model"] not in behaviour.models:
            return error_response(404, f"The model `{body['model']}` does not exist.", code="model_not_found")
        kind = (body.get("response_format") or {}).get("type")
        if kind in behaviour.refused_formats:
            return error_response(400, behaviour.refusal_text.format(type=kind))
        for name in body:
            if name in behaviour.refused_parameters:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return error_response(400, message, code="unsupported_parameter", param=name)
        return None

    async def _fail(self, request: web.Request, fault: str) -> web.StreamResponse | None:
        """Carry out a fault of the transport; None for faults of the reply's content."""
        behaviour = self.behaviour
        if fault == "rate_limit":
            headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after is not None else {}
            return error_response(429, "Rate limit reached.", code="rate_limit_exceeded", headers=headers)
        if fault in {"http_500", "http_503"}:
            return error_response(int(fault[-3:]), "The server had an error.")
        if fault == "slow":
            until = self._loop.time() + behaviour.slow_s
            while self._loop.time() < until and not behaviour.is_slow_over:
                await asyncio.sleep(0.02)
            return None
        if fault == "dropped":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=499)
        if fault == "not_json":
            return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html")
        if fault == "no_choices":
            return web.json_response({"id": "none", "object": "chat.completion", "choices": []})
        return None


def complete(body: Mapping[str, Any], behaviour: Behaviour, fault: str | None) -> dict[str, Any]:
    """The chat completion for a request body, bent by a fault of content."""
    prompt = "\x1f".join(str(message["content"]) for message in body["messages"])
    is_judging = "first_score" in json.dumps(body.get("response_format") or {}) or "first_score" in prompt
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    finish_reason = "stop"
    if fault == "refusal":
        message["refusal"] = "I cannot help with that."
    elif fault == "content_filter":
        finish_reason = "content_filter"
    else:
        is_single = '"score"' in json.dumps(body.get("response_format") or {})
        reply = _judging_reply if is_judging else _single_reply if is_single else _tagging_reply
        text = reply(body, behaviour, fault)
        message["content"] = _bend(text, fault)
        finish_reason = "length" if fault == "truncated" else "stop"
    n_prompt = max(1, len(prompt) // 4)
    n_completion = max(1, len(message["content"] or "") // 4)
    completion = {
        "id": f"chatcmpl-{hash_of(prompt):x}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
    }
    if behaviour.has_usage:
        completion["usage"] = {
            "prompt_tokens": n_prompt,
            "completion_tokens": n_completion,
            "total_tokens": n_prompt + n_completion,
            "prompt_tokens_details": {"cached_tokens": (n_cached := min(behaviour.cached_tokens, n_prompt))},
        }
        if behaviour.cache_write_tokens is not None:
            n_written = min(behaviour.cache_write_tokens, n_prompt - n_cached)
            completion["usage"]["prompt_tokens_details"]["cache_write_tokens"] = n_written
    return completion


def _tagging_reply(body: Mapping[str, Any], behaviour: Behaviour, fault: str | None) -> str:
    prompt = str(body["messages"][-1]["content"])
    tags = [{"tag": tag, "explanation": f"because {step}"} for step, tag in enumerate(behaviour.tag(prompt))]
    if fault == "missing_key":
        return json.dumps({"labels": tags})
    if fault in {"wrong_type", "out_of_range", "not_a_number"}:
        return json.dumps({"tags": 17})
    return json.dumps({"tags": tags})


def _single_reply(body: Mapping[str, Any], behaviour: Behaviour, fault: str | None) -> str:
    prompt = str(body["messages"][-1]["content"])
    return json.dumps({"score": "good" if fault else 1 + hash_of(prompt) % 100})


def _judging_reply(body: Mapping[str, Any], behaviour: Behaviour, fault: str | None) -> str:
    first, second = behaviour.judge(str(body["messages"][-1]["content"]))
    if fault == "missing_key":
        return json.dumps({"first_score": first})
    if fault == "wrong_type":
        return json.dumps({"first_score": first, "second_score": "very good"})
    if fault == "out_of_range":
        return json.dumps({"first_score": 101, "second_score": second})
    if fault == "not_a_number":
        return json.dumps({"first_score": float("nan"), "second_score": second})
    if fault == "numbers_as_strings":
        return json.dumps({"first_score": str(first), "second_score": f"{second}.0"})
    return json.dumps({"first_score": first, "second_score": second})


def _bend(text: str, fault: str | None) -> str:
    if fault == "broken_json":
        return text.translate(str.maketrans({"{": "", "}": "", "[": "", "]": "", ":": "="}))
    if fault == "prose":
        return "I would rather talk about the weather."
    if fault == "truncated":
        return text[: len(text) * 2 // 3]
    if fault == "empty":
        return ""
    if fault == "code_fence":
        return f"```json\n{text}\n```"
    if fault == "trailing_comma":
        return text[:-1] + ",}"
    if fault == "smart_quotes":
        return text.replace('"', "\u201c", 1).replace('"', "\u201d", 1)
    if fault == "prose_around":
        return f"Here is the JSON you asked for:\n{text}\nI hope it helps!"
    return text


def error_response(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error as OpenAI sends it."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def main() -> None:
    """Serve in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of requests that meet a fault")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS, metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--api-key", help="the only key that is taken")
    parser.add_argument("--refuse-formats", nargs="*", default=(), choices=("json_schema", "json_object"))
    parser.add_argument("--refuse-parameters", nargs="*", default=())
    options = parser.parse_args()
    behaviour = Behaviour(
        fault_rate=options.fault_rate,
        faults=tuple(options.faults),
        seed=options.seed,
        latency_s=options.latency_s,
        api_key=options.api_key,
        refused_formats=frozenset(options.refuse_formats),
        refused_parameters=frozenset(options.refuse_parameters),
    )
    endpoint = FakeEndpoint(behaviour, options.port, keeps_bodies=False)
    print(f"OPENAI_BASE_URL=http://127.0.0.1:{options.port}/v1  (Ctrl-C ends it; GET /stats counts)", flush=True)
    try:
        asyncio.run(endpoint.serve())
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
