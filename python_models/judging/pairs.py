"""Comparing two samples at a time: by a language model that scores both, or by the offline heuristic.

The rows of both ways are alike, so that everything downstream is the same; ``model_name`` says who judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from sqlglot import exp

from python_models.judging.heuristic import score_pairs
from python_models.llm.answer_columns import ANSWER_FIELDS, answer_values
from python_models.llm.effort import reply_parameters, reply_room
from python_models.llm.endpoint.endpoint import open_configured_endpoint
from python_models.llm.engine import Answer, ask
from python_models.llm.fence import clean_and_cut, fence
from python_models.llm.replies import parse_scores
from python_models.llm.request import ChatRequest, Message
from python_models.prompts import PROMPTS_OF_ANOTHER_GATEWAY, PromptError, prompt_sha256

EMBEDDED = "embedded"
"""Model name that stands for the offline heuristic."""

SAMPLE_TEXTS = ("system_prompt", "instruction", "response")
"""Texts of a sample in the order in which they are shown; a system prompt only where there is one."""

TEXT_COLUMNS = ("first_instruction", "first_response", "second_instruction", "second_response")
"""Texts that every pair has; ``first_system_prompt`` and ``second_system_prompt`` may be None."""

_SHOWN_COLUMNS = tuple(f"{position}_{text}" for position in ("first", "second") for text in SAMPLE_TEXTS)
_BATCH_ROWS = 1_000
FIRST_LIMIT = 64
ROOM = 128
"""Tokens of a reply without reasoning: two numbers in JSON take 15, in a fence and with many line ends 40."""

REPLY_SCHEMA = pa.schema(
    [
        pa.field("pair_id", pa.string()),
        pa.field("scores", pa.struct({"first_score": pa.int32(), "second_score": pa.int32()})),
        *ANSWER_FIELDS,
    ]
)


@dataclass(frozen=True)
class JudgingOptions:
    """What decides the scores, beside the samples.

    Attributes:
        model_name: name of the judge, or ``embedded`` for the offline heuristic.
        prompts: ``judge``, the static instructions to the judge, and ``schema``, the JSON schema of its reply; none
            for ``embedded``.
        max_prompt_chars: longer texts are cut, each by itself.
        max_attempts: how often one reply is asked for in one run, if it cannot be read.
        effort: how much the judge reasons; empty to leave that to it.
        max_reply_tokens: room for a reply, reasoning included; 0 for automatic.
    """

    model_name: str
    prompts: Mapping[str, str]
    max_prompt_chars: int
    max_attempts: int
    effort: str = ""
    max_reply_tokens: int = 0

    @cached_property
    def system_message(self) -> Message:
        """The instructions to the judge, the same for every request."""
        return {"role": "system", "content": self.prompts["judge"].strip()}

    @cached_property
    def reply_schema(self) -> Mapping[str, Any]:
        """JSON schema of the reply, one object for all requests (see ``ChatRequest``)."""
        schema: Mapping[str, Any] = json.loads(self.prompts["schema"])
        return schema

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Sampling parameters of every request."""
        return reply_parameters(self.effort, FIRST_LIMIT)

    @cached_property
    def reply_room(self) -> int:
        """Tokens that a reply may take at the first attempt."""
        return reply_room(self.effort, self.max_reply_tokens, ROOM)

    def __post_init__(self) -> None:
        if self.model_name != EMBEDDED and not self.prompts:
            raise PromptError(PROMPTS_OF_ANOTHER_GATEWAY.format(f"judge_model {self.model_name}"))


def pairs_with_texts(pairs: str, samples: str) -> exp.Select:
    """The query for the pairs of a table with the texts of both samples of each.

    Columns: ``pair_id``, ``first_sample_id``, ``second_sample_id``, and ``SAMPLE_TEXTS`` of each (``first_response``).
    """
    texts = [
        exp.alias_(exp.column(text, table=f"{position}_sample"), f"{position}_{text}")
        for position in ("first", "second")
        for text in SAMPLE_TEXTS
    ]
    return (
        exp.select("pairs.pair_id", "pairs.first_sample_id", "pairs.second_sample_id", *texts)
        .from_(exp.alias_(exp.to_table(pairs), "pairs", table=True))
        .join(
            exp.alias_(exp.to_table(samples), "first_sample", table=True),
            on="first_sample.sample_id = pairs.first_sample_id",
        )
        .join(
            exp.alias_(exp.to_table(samples), "second_sample", table=True),
            on="second_sample.sample_id = pairs.second_sample_id",
        )
    )


def judge_pairs(
    batches: Iterable[list[dict[str, Any]]], options: JudgingOptions, n_total: int, stage: str = "judging"
) -> Iterator[pa.RecordBatch]:
    """Judge pairs, in bounded memory and in the order in which the answers come.

    Args:
        batches: lists of rows of ``pairs_with_texts``.
        options: whom to ask, and how.
        n_total: number of pairs, for the progress line.
        stage: who asks, as it stands in the cache.

    Yields:
        Record batches of ``REPLY_SCHEMA``: one row per pair; ``scores`` is NULL and ``error`` says why where there is
        no usable reply.

    Raises:
        EndpointError, SpendingLimitReached: see ``python_models.llm.engine.ask``. Replies received stay in the cache.
    """
    if options.model_name == EMBEDDED:
        rows = score_pairs(batches, options.max_prompt_chars)
    else:
        rows = _ask_judge(batches, options, n_total, stage)
    while chunk := list(islice(rows, _BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(chunk, schema=REPLY_SCHEMA)


def build_request(row: Mapping[str, Any], options: JudgingOptions) -> tuple[ChatRequest, bool]:
    """The request for one ordered pair, and whether one of its texts was cut.

    The instructions to the judge are the system message, the same for every pair, so that endpoints that cache
    prompts charge less for them; the samples stand in the user message, the first before the second, a system prompt
    only where there is one.
    """
    texts: dict[str, str] = {}
    is_any_cut = False
    for name in _SHOWN_COLUMNS:
        if name in TEXT_COLUMNS or row.get(name):
            texts[name], is_cut = clean_and_cut(row[name], options.max_prompt_chars)
            is_any_cut = is_any_cut or is_cut
    request = ChatRequest(
        model=options.model_name,
        messages=(options.system_message, {"role": "user", "content": "\n\n".join(fence(**texts).values())}),
        parameters=options.parameters,
        reply_schema=options.reply_schema,
        schema_name="scores",
        reply_room=options.reply_room,
    )
    return request, is_any_cut


def _ask_judge(
    batches: Iterable[list[dict[str, Any]]], options: JudgingOptions, n_total: int, stage: str
) -> Iterator[dict[str, Any]]:
    is_cut: dict[str, bool] = {}

    def work() -> Iterator[tuple[str, ChatRequest]]:
        for row in chain.from_iterable(batches):
            request, is_cut[row["pair_id"]] = build_request(row, options)
            yield row["pair_id"], request

    sha256 = prompt_sha256(options.prompts["judge"], options.prompts["schema"])
    answers = ask(
        stage,
        work(),
        parse_scores,
        open_endpoint=open_configured_endpoint,
        max_attempts=options.max_attempts,
        n_total=n_total,
    )
    for answer in answers:
        yield _row(answer) | {"is_cut": is_cut.pop(answer.item_id), "prompt_sha256": sha256}


def _row(answer: Answer[tuple[int, int]]) -> dict[str, Any]:
    scores = dict(zip(("first_score", "second_score"), answer.value, strict=True)) if answer.value else None
    return {"pair_id": answer.item_id, "scores": scores} | answer_values(answer)
