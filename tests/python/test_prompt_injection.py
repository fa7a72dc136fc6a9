"""The requests of both stages, built from hostile samples: the static part stays the same, the fences hold."""

from __future__ import annotations

import re

import pytest
from test_llm_fence import HOSTILE

from python_models.judging.pairs import TEXT_COLUMNS, JudgingOptions
from python_models.judging.pairs import build_request as build_judging_request
from python_models.llm.request import ChatRequest
from python_models.prompts import prompt_text
from python_models.tagging.options import TaggingOptions, tagging_prompts
from python_models.tagging.requests import build_requests

MAX_CHARS = 6_000
TAGGING = TaggingOptions("gpt-4o-mini", tagging_prompts("gpt-4o-mini", False), False, MAX_CHARS, 3)
JUDGING = JudgingOptions(
    "gpt-4o", {"judge": prompt_text("judge_pair.txt"), "schema": prompt_text("judge_reply.schema.json")}, MAX_CHARS, 3
)
HARMLESS = "An honest text."


def tagging_request(text: str) -> tuple[ChatRequest, bool]:
    ((request, is_cut),) = build_requests([{"sample_id": "a", "instruction": text}], TAGGING)
    return request, is_cut


def judging_request(text: str) -> tuple[ChatRequest, bool]:
    return build_judging_request(dict.fromkeys(TEXT_COLUMNS, HARMLESS) | {"first_response": text}, JUDGING)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("build", "n_texts"), [(tagging_request, 1), (judging_request, 4)], ids=["tagging", "judging"])
def test_a_hostile_sample_changes_nothing_around_it(build, n_texts: int, name: str) -> None:  # type: ignore[no-untyped-def]
    request, is_cut = build(HOSTILE[name])
    harmless, _ = build(HARMLESS)
    assert [message["role"] for message in request.messages] == ["system", "user"]
    assert request.messages[0] == harmless.messages[0]
    assert (request.model, request.parameters, request.reply_schema) == (
        harmless.model,
        harmless.parameters,
        harmless.reply_schema,
    )
    lines = request.messages[1]["content"].split("\n")
    code = re.fullmatch(r"<<<[A-Z_]+ ([0-9a-f]{10})>>>", lines[0])
    assert code
    fences = [line for line in lines if code[1] in line]
    assert len(fences) == 2 * n_texts
    assert lines[-1] == fences[-1]
    assert is_cut == (len(HOSTILE[name]) > MAX_CHARS)
    assert len(request.messages[1]["content"]) < MAX_CHARS + 1_000
