"""The models and servers of today: each test runs against a server on loopback that behaves like one of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint
from fake_models import Answer, as_usual, error, openai_model, reply
from llm_helpers import SECRET, judge_request, parse_scores, run, tag_request, tagging_work

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.effort import reply_parameters
from python_models.llm.endpoint.completion import read_usage
from python_models.llm.endpoint.dialect import forget_dialects
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import EndpointError
from python_models.llm.request import ChatRequest
from python_models.settings import SettingError

pytestmark = pytest.mark.usefixtures("fresh_client")

SCORES = '{"first_score": 71, "second_score": 60}'


def sent(server: FakeEndpoint) -> list[dict[str, Any]]:
    return [json.loads(body) for body in server.record.bodies]


def judged(server: FakeEndpoint, folder: Path, answer: Answer | None = None, **more: Any) -> Any:
    """The answer of one judging request, to which the server always answers the same."""
    if answer is not None:
        server.behaviour.answer = lambda body: answer
    (found,) = run(server, folder, [("a", judge_request("x"))], parse_scores, **{"max_retries": 1, **more})
    return found


def with_effort(request: ChatRequest, effort: str, room: int) -> ChatRequest:
    return replace(request, parameters=reply_parameters(effort, 64), reply_room=room)


# --- effort and room --------------------------------------------------------------------------------------------------


def test_a_model_without_reasoning_takes_a_temperature(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.answer = openai_model()
    (answer,) = run(server, tmp_path, [("a", with_effort(judge_request("x"), "none", 128))], parse_scores)
    assert answer.error is None
    body = sent(server)[-1]
    assert (body["reasoning_effort"], body["temperature"], body["max_completion_tokens"]) == ("none", 0, 128)


@pytest.mark.parametrize("effort", ["low", "high", ""])
def test_a_model_that_reasons_is_sent_no_temperature(server: FakeEndpoint, tmp_path: Path, effort: str) -> None:
    server.behaviour.answer = openai_model()
    (answer,) = run(server, tmp_path, [("a", with_effort(judge_request("x"), effort, 4_096))], parse_scores)
    assert (answer.error, answer.n_attempts) == (None, 1)
    body = sent(server)[-1]
    assert ("temperature" in body, body.get("reasoning_effort", "")) == (False, effort)
    assert answer.n_completion_tokens > 200, "reasoning is paid for as output"


def test_an_effort_that_the_model_does_not_take_stops_at_once(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.answer = openai_model(("low", "medium", "high"))
    with pytest.raises(EndpointError, match=r"'none'.*low, medium, high.*TACOS_JUDGE_EFFORT"):
        run(server, tmp_path, [("a", with_effort(judge_request("x"), "none", 128))], parse_scores)
    assert not server.record.answered


@pytest.mark.parametrize(
    "says",
    ["Unrecognized request argument supplied: reasoning_effort", "`reasoning_effort` is not supported with this model"],
)
def test_a_server_that_knows_no_effort_gets_none(server: FakeEndpoint, tmp_path: Path, says: str) -> None:
    server.behaviour.answer = lambda body: (400, error(says)) if "reasoning_effort" in body else None
    work = [(str(n), with_effort(tag_request(str(n)), "none", 128)) for n in range(20)]
    assert all(answer.error is None for answer in run(server, tmp_path, work, max_concurrency=1))
    assert server.record.n_requests == 21


def test_a_reply_that_was_cut_gets_more_room_and_no_run_pays_twice_for_too_little(
    server: FakeEndpoint, tmp_path: Path
) -> None:
    """900 tokens of reasoning in a room of 100: 100, 400, and in the next run 1,600. Then other rooms find it again."""
    server.behaviour.answer = openai_model()
    request = with_effort(judge_request("x"), "medium", 100)
    (answer,) = run(server, tmp_path, [("a", request)], parse_scores, max_attempts=2)
    assert answer.error.startswith("truncated: the reply was cut after 400 tokens")
    (answer,) = run(server, tmp_path, [("a", request)], parse_scores, max_attempts=2)
    assert (answer.error, answer.n_attempts) == (None, 3)
    rooms = [json.loads(body)["max_completion_tokens"] for body in server.record.answered]
    assert rooms == [100, 400, 1_600]
    for room in (64, 100, 20_000):
        (again,) = run(server, tmp_path, [("a", replace(request, reply_room=room))], parse_scores)
        assert (again.value, again.is_cached) == (answer.value, True)
    assert len(server.record.answered) == 3


def test_replies_that_are_cut_give_all_later_requests_more_room(server: FakeEndpoint, tmp_path: Path) -> None:
    """A model that reasons although no effort was set: the first few pay for the lesson, not every one."""
    server.behaviour.answer = openai_model()
    work = [(str(n), with_effort(tag_request(str(n)), "low", 100)) for n in range(60)]
    answers = run(server, tmp_path, work, max_concurrency=2)
    assert all(answer.error is None for answer in answers)
    assert sum(server.record.answered.values()) <= 60 + 12


def test_the_room_grows_no_further_than_the_model_can_write(server: FakeEndpoint, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer | None:
        if body["max_tokens"] > 16_384:
            said = f"max_tokens is too large: {body['max_tokens']}. This model supports at most 16384 completion tokens"
            return 400, error(said, param="max_tokens")
        return None

    server.behaviour.answer = answer
    work = [(str(n), replace(tag_request(str(n)), reply_room=20_000)) for n in range(5)]
    assert all(answer.error is None for answer in run(server, tmp_path, work, max_concurrency=1))
    assert [body["max_tokens"] for body in sent(server)] == [20_000, *[16_384] * 5]


# --- servers of one's own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "says",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5096 tokens (1000 in the messages, "
        "4096 in the completion). Please reduce the length of the messages or completion.",
        "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 "
        "tokens and your request has 1000 input tokens (4096 > 4096 - 1000).",
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
        "5096 tokens: 1000 tokens from the input messages and 4096 tokens for the completion.",
    ],
)
def test_vllm_and_sglang_get_the_room_that_the_context_leaves(server: FakeEndpoint, tmp_path: Path, says: str) -> None:
    server.behaviour.answer = lambda body: (
        (400, {"error": {"message": says, "code": 400}}) if body["max_tokens"] > 3_096 else None
    )
    (answer,) = run(server, tmp_path, [("a", replace(tag_request("x"), reply_room=4_096))])
    assert answer.error is None
    assert [body["max_tokens"] for body in sent(server)] == [4_096, 3_096]
    assert all(body["response_format"]["type"] == "json_schema" for body in sent(server)), "guided JSON stays"


def test_vllm_reasoning_beside_the_answer_is_no_answer(server: FakeEndpoint, tmp_path: Path) -> None:
    draft = 'maybe {"first_score": 1, "second_score": 2}'
    answer = judged(server, tmp_path / "both", (200, reply(SCORES, reasoning_content=draft)))
    assert answer.value == (71, 60)
    answer = judged(server, tmp_path / "only", (200, reply(None, reasoning_content=draft)))
    assert (answer.value, answer.error.partition(":")[0]) == (None, "reasoning_only")
    answer = judged(server, tmp_path / "cut", (200, reply(None, "length", reasoning=draft)))
    assert (answer.value, answer.error.partition(":")[0]) == (None, "truncated")


def test_ollama_says_500_to_a_format_that_it_does_not_know(server: FakeEndpoint, tmp_path: Path) -> None:
    said = 'invalid format: "json_schema"; expected "json" or a valid JSON Schema object'
    kind = "json_schema"
    server.behaviour.answer = lambda body: (
        (500, error(said)) if body.get("response_format", {}).get("type") == kind else None
    )
    answers = run(server, tmp_path, tagging_work(10), max_concurrency=1)
    assert all(answer.error is None for answer in answers)
    assert server.record.n_requests == 11


def test_llama_cpp_with_one_slot_answers_every_request_once(server: FakeEndpoint, tmp_path: Path) -> None:
    server.behaviour.latency_s = 0.02
    answers = run(Endpoint((server.base_url,), None, max_concurrency=1), tmp_path, tagging_work(8))
    assert all(answer.error is None for answer in answers)
    assert (server.record.most_in_flight, server.record.n_requests) == (1, 8)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway", "/v1"),
        ("No models loaded. Please load a model in the developer page.", "TACOS_TAGGING_MODEL"),
    ],
)
def test_lm_studio_says_200_and_means_an_error(server: FakeEndpoint, tmp_path: Path, says: str, words: str) -> None:
    with pytest.raises(EndpointError, match=words):
        judged(server, tmp_path, (200, {"error": says}))
    assert server.record.n_requests == 1


def test_lm_studio_takes_no_json_object(server: FakeEndpoint, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer | None:
        kind = body.get("response_format", {}).get("type")
        said = "'response_format.type' must be 'json_schema' or 'text'"
        return (400, {"error": said}) if kind in {"json_object", "json_schema"} else None

    server.behaviour.answer = answer
    assert run(server, tmp_path, tagging_work(1))[0].error is None


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "System role not supported"),
        (500, "Jinja Exception: System role not supported"),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    ],
)
def test_a_model_without_a_system_role_gets_it_in_the_first_message(
    server: FakeEndpoint, tmp_path: Path, status: int, says: str
) -> None:
    server.behaviour.answer = lambda body: (status, error(says)) if body["messages"][0]["role"] == "system" else None
    answers = run(server, tmp_path, tagging_work(5), max_concurrency=1)
    assert all(answer.error is None for answer in answers)
    assert server.record.n_requests == 6
    (message,) = sent(server)[-1]["messages"]
    assert message == {"role": "user", "content": "Name the intentions.\n\nDo thing number 4."}


# --- providers --------------------------------------------------------------------------------------------------------


def test_azure_is_asked_at_its_v1_address_only(server: FakeEndpoint, tmp_path: Path) -> None:
    for url in (
        "https://r.openai.azure.com/openai/v1?api-version=2026-01",
        "https://r.openai.azure.com/openai/deployments/d",
    ):
        with pytest.raises(SettingError, match=r"/openai/v1"):
            Endpoint((url,), SECRET)
    filtered = {
        "code": "content_filter",
        "message": "The response was filtered",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
    server.behaviour.answer = lambda body: (
        (400, {"error": filtered}) if "number 1." in body["messages"][-1]["content"] else None
    )
    answers = {a.item_id: a.error for a in run(server, tmp_path, tagging_work(3))}
    assert answers == {"item-0": None, "item-1": "refused: content_filter: The response was filtered", "item-2": None}
    answer = judged(
        server,
        tmp_path / "reply",
        (
            200,
            {**reply(""), "model": "x"} | {"choices": [{"index": 0, "finish_reason": "content_filter", "message": {}}]},
        ),
    )
    assert answer.error.startswith("refused: content_filter")


def test_gemini_sends_errors_in_a_list_and_counts_reasoning_in_the_total_only(
    server: FakeEndpoint, tmp_path: Path
) -> None:
    bad_key = {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
        }
    }
    with pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        judged(server, tmp_path / "key", (400, [bad_key]))
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 900}
    answer = judged(server, tmp_path / "total", (200, reply(SCORES) | {"usage": usage}))
    assert (answer.value, answer.n_completion_tokens) == ((71, 60), 800)
    blocked = {"choices": [{"index": 0, "finish_reason": "SAFETY"}], "usage": usage}
    assert judged(server, tmp_path / "safety", (200, blocked)).error == "refused: SAFETY"


@pytest.mark.parametrize(
    ("status", "body", "kind", "n_requests"),
    [
        (200, {"error": {"code": 502, "message": "Provider returned error"}}, "http_502", 2),
        (200, {"error": {"code": 429, "message": "slow down"}}, "http_429", 2),
        (200, {"error": {"message": "something odd"}}, "bad_response", 2),
        (
            200,
            {
                "choices": [
                    {
                        "error": {"code": 502, "message": "upstream"},
                        "finish_reason": "error",
                        "message": {"content": SCORES},
                    }
                ]
            },
            "http_502",
            2,
        ),
        (200, reply(SCORES, "error"), "bad_response", 2),
        (
            403,
            {
                "error": {
                    "code": 403,
                    "message": "Input was flagged",
                    "metadata": {"reasons": ["violence"], "flagged_input": "x"},
                }
            },
            "refused",
            1,
        ),
        (
            400,
            error(
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt"
            ),
            "refused",
            1,
        ),
        (
            200,
            reply(
                None,
                "tool_calls",
                tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": SCORES}}],
            ),
            "tool_call",
            3,
        ),
        (200, reply(None, "stop", tool_calls=[{"id": "1"}]), "tool_call", 3),
        (200, reply("", "stop"), "empty_reply: finish reason 'stop'", 3),
        (200, reply("", "MAX_TOKENS"), "truncated", 3),
        (200, reply(SCORES, "recitation"), "refused", 3),
    ],
)
def test_openrouter_and_others_fail_by_type_and_never_score(
    server: FakeEndpoint, tmp_path: Path, status: int, body: Any, kind: str, n_requests: int
) -> None:
    answer = judged(server, tmp_path, (status, body))
    assert answer.value is None
    assert answer.error.startswith(kind)
    assert server.record.n_requests == n_requests


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"error": {"code": 402, "message": "Insufficient credits"}}),
        (200, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}),
        (400, error("Your credit balance is too low to access the API.")),
        (429, error("You exceeded your current quota", "insufficient_quota")),
    ],
)
def test_no_money_stops_at_once_in_whatever_form_it_comes(
    server: FakeEndpoint, tmp_path: Path, status: int, body: Any
) -> None:
    with pytest.raises(EndpointError, match="cannot pay"):
        judged(server, tmp_path, (status, body))
    assert server.record.n_requests == 1


def test_groq_keeps_what_the_model_wrote_in_vain(server: FakeEndpoint, tmp_path: Path) -> None:
    def failed(written: str) -> Answer:
        return 400, error("Failed to generate JSON.", "json_validate_failed", failed_generation=written)

    assert judged(server, tmp_path / "a", failed("Both have response_format and temperature.")).error.startswith(
        "invalid_json"
    )
    assert server.record.n_requests == 3
    assert {body["response_format"]["type"] for body in sent(server)} == {"json_schema"}, "nothing was learned from it"
    assert judged(server, tmp_path / "b", failed("")).error == "empty_reply: finish reason 'json_validate_failed'"
    assert judged(server, tmp_path / "c", failed(f"Here: {SCORES}")).value == (71, 60)


# --- bills ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "has_text", "counts"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, True, (10, None, 5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}, True, (10, None, 30)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 0}, True, (10, None, 5)),
        ({"prompt_tokens": 10, "total_tokens": 40}, True, (10, None, 30)),
        ({"prompt_tokens": 10, "completion_tokens": 0}, False, (10, None, 0)),
        ({"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}, True, (None, None, None)),
        ({"prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5}, True, (None, None, None)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, True, (None, None, None)),
        ({"prompt_tokens": "10", "completion_tokens": 5}, True, (None, None, None)),
        (None, True, (None, None, None)),
        ([], True, (None, None, None)),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}},
            True,
            (10, 8, 5),
        ),
    ],
)
def test_output_tokens_are_all_that_is_billed(usage: Any, has_text: bool, counts: tuple[int | None, ...]) -> None:
    assert read_usage(usage, has_text=has_text) == (*counts, None)


@pytest.mark.parametrize(
    ("said", "n_written"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2}}, 2),
        ({"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "cache_creation_input_tokens": 3}, 0),
        ({"prompt_tokens_details": {"cache_creation_tokens": 4}, "cache_creation_input_tokens": 4}, 4),
        ({"prompt_tokens_details": None, "cache_creation_input_tokens": 5}, 5),
        ({"prompt_tokens_details": {"cache_write_tokens": "2"}}, None),
        ({"prompt_tokens_details": {"cache_write_tokens": -2}}, None),
        ({"prompt_tokens_details": {"cached_tokens": 8}}, None),
    ],
)
def test_tokens_written_to_the_cache_are_read_wherever_they_stand(said: Any, n_written: int | None) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5} | said
    assert read_usage(usage, has_text=True)[3] == n_written


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}])
def test_a_call_without_counts_stays_at_its_worst_price(server: FakeEndpoint, tmp_path: Path, usage: Any) -> None:
    server.behaviour.answer = lambda body: (200, as_usual(body) | {"usage": usage})
    run(server, tmp_path, tagging_work(3), max_cost_usd=1.0)
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        ((_, _, n_prompt, n_completion),) = cache.reserved()
    assert (n_prompt > 300, n_completion) == (True, 300)


def test_a_reply_has_the_price_of_the_model_that_answered(server: FakeEndpoint, tmp_path: Path) -> None:
    names = {"0": "gpt-4o-2024-05-13", "1": "gpt-4o-mini-2024-07-18", "2": "/models/some.gguf", "3": None}
    server.behaviour.answer = lambda body: (200, as_usual(body) | {"model": names[body["messages"][-1]["content"]]})
    answers = run(server, tmp_path, [(name, tag_request(name, "gpt-4o")) for name in names])
    assert {answer.model_name for answer in answers} == {"gpt-4o"}
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        billed = {reply.model for reply in cache.iter_replies()}
    assert billed == {"gpt-4o-2024-05-13", "gpt-4o-mini-2024-07-18", "gpt-4o"}


def test_a_shutdown_that_is_near_is_said_once(
    server: FakeEndpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour.shutdown_dates = {"gpt-4o-mini": "2020-01-14", "another": "2020-01-01"}
    run(server, tmp_path, tagging_work(30))
    said = capsys.readouterr().err
    assert said.count("shuts") == 1
    assert "gpt-4o-mini" in said
    assert "2020-01-14" in said
    server.behaviour.shutdown_dates = {"gpt-4o-mini": "2999-01-01"}
    forget_dialects()
    run(server, tmp_path / "far", tagging_work(1))
    assert "shuts" not in capsys.readouterr().err
