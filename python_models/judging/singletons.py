"""Judging samples alone: what a judge says without a second sample to hold the first against. A baseline only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from sqlglot import exp

from python_models.judging.heuristic import score_pairs
from python_models.judging.pairs import EMBEDDED, SAMPLE_TEXTS, JudgingOptions
from python_models.llm.endpoint.endpoint import open_configured_endpoint
from python_models.llm.engine import ask
from python_models.llm.fence import clean_and_cut, fence
from python_models.llm.replies import parse_scores, read_json_object
from python_models.llm.request import ChatRequest

_BATCH_ROWS = 1_000

SCORE_SCHEMA = pa.schema(
    {
        "sample_id": pa.string(),
        "score": pa.int32(),
        "raw_reply": pa.string(),
        "error": pa.string(),
        "model_name": pa.string(),
        "request_key": pa.string(),
        "is_cached": pa.bool_(),
    }
)


def candidates_with_texts(candidates: str, samples: str) -> exp.Select:
    """The query for every sample that is a candidate somewhere: ``sample_id`` and ``SAMPLE_TEXTS``."""
    chosen = exp.select("sample_id").from_(exp.to_table(candidates)).where("is_candidate")
    return (
        exp.select("sample_id", *SAMPLE_TEXTS)
        .from_(exp.to_table(samples))
        .where(exp.column("sample_id").isin(query=chosen))
    )


def judge_alone(
    batches: Iterable[list[dict[str, Any]]], options: JudgingOptions, n_total: int
) -> Iterator[pa.RecordBatch]:
    """Judge every sample alone; record batches of ``SCORE_SCHEMA``, one row per sample.

    Args:
        batches: lists of rows of ``candidates_with_texts``.
        options: whom to ask, and how; ``prompts`` are those for one sample.
        n_total: number of samples, for the progress line.

    Raises:
        EndpointError, SpendingLimitReached: see ``python_models.llm.engine.ask``.
    """
    rows = _score(batches, options) if options.model_name == EMBEDDED else _ask(batches, options, n_total)
    while chunk := list(islice(rows, _BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(chunk, schema=SCORE_SCHEMA)


def build_single_request(row: dict[str, Any], options: JudgingOptions) -> ChatRequest:
    """The request that asks the judge about one sample.

    Args:
        row: ``SAMPLE_TEXTS`` of the sample; the system prompt may be missing.
        options: whom to ask, and how; ``prompts`` are those for one sample.
    """
    system = {"role": "system", "content": options.prompts["judge"].strip()}
    names = [name for name in SAMPLE_TEXTS if name != "system_prompt" or row.get(name)]
    cut = {name: clean_and_cut(row[name], options.max_prompt_chars)[0] for name in names}
    user = {"role": "user", "content": "\n\n".join(fence(**cut).values())}
    schema = json.loads(options.prompts["schema"])
    return ChatRequest(options.model_name, (system, user), options.parameters, schema, "score", options.reply_room)


def parse_single_score(text: str) -> int:
    """Read a reply about one sample: an object with ``score``, a whole number from 1 to 100.

    Raises:
        InvalidReply: as ``parse_scores``, which does the reading.
    """
    reply = read_json_object(text, "score")
    if "score" in reply:
        reply = {"first_score": reply["score"], "second_score": reply["score"]}
    return parse_scores(json.dumps(reply))[0]


def _ask(batches: Iterable[list[dict[str, Any]]], options: JudgingOptions, n_total: int) -> Iterator[dict[str, Any]]:
    work = ((row["sample_id"], build_single_request(row, options)) for row in chain.from_iterable(batches))
    answers = ask(
        "singletons",
        work,
        parse_single_score,
        open_endpoint=open_configured_endpoint,
        max_attempts=options.max_attempts,
        n_total=n_total,
    )
    for answer in answers:
        yield {
            "sample_id": answer.item_id,
            "score": answer.value,
            "raw_reply": answer.raw_reply,
            "error": answer.error,
            "model_name": answer.model_name,
            "request_key": answer.request_key,
            "is_cached": answer.is_cached,
        }


def _score(batches: Iterable[list[dict[str, Any]]], options: JudgingOptions) -> Iterator[dict[str, Any]]:
    """The heuristic gives a sample the same score whoever stands beside it: it is paired with itself."""
    pairs = (
        [
            {"pair_id": row["sample_id"]}
            | {f"{position}_sample_id": row["sample_id"] for position in ("first", "second")}
            | {f"{position}_{name}": row.get(name) for position in ("first", "second") for name in SAMPLE_TEXTS}
            for row in batch
        ]
        for batch in batches
    )
    for reply in score_pairs(pairs, options.max_prompt_chars):
        yield {
            "sample_id": reply["pair_id"],
            "score": reply["scores"]["first_score"],
            "model_name": reply["model_name"],
            "is_cached": reply["is_cached"],
        }
