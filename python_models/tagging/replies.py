"""Ask a language model for the open tags of samples: a row each, with tags or the reason why there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pyarrow as pa

from python_models.llm.answer_columns import ANSWER_FIELDS, answer_values
from python_models.llm.endpoint.endpoint import Endpoint, open_configured_endpoint
from python_models.llm.engine import Answer, ask
from python_models.llm.replies import parse_tags
from python_models.llm.request import ChatRequest
from python_models.tagging.options import TaggingOptions
from python_models.tagging.requests import build_requests

_BATCH_ROWS = 1_000

REPLY_SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string()),
        pa.field("ingested_at", pa.date32()),
        pa.field(
            "tags",
            pa.list_(pa.struct({"tag_position": pa.int32(), "raw_tag": pa.string(), "explanation": pa.string()})),
        ),
        *ANSWER_FIELDS,
    ]
)


def tag_samples(
    batches: Iterable[list[dict[str, Any]]], options: TaggingOptions, n_total: int
) -> Iterator[pa.RecordBatch]:
    """Tag samples, in bounded memory and in the order in which the answers come.

    Args:
        batches: lists of rows with ``sample_id``, ``instruction``, ``system_prompt`` and ``ingested_at``.
        options: what to ask, and whom.
        n_total: number of samples, for the progress line.

    Yields:
        Record batches of ``REPLY_SCHEMA``: one row per sample; ``tags`` is empty and ``error`` says why where there
        is no usable reply.

    Raises:
        EndpointError, SpendingLimitReached: see ``python_models.llm.engine.ask``. Replies received stay in the cache.
    """
    waiting: dict[str, tuple[Any, bool]] = {}

    def work() -> Iterator[tuple[str, ChatRequest]]:
        for batch in batches:
            for row, (request, is_cut) in zip(batch, build_requests(batch, options), strict=True):
                waiting[row["sample_id"]] = (row["ingested_at"], is_cut)
                yield row["sample_id"], request

    sha256 = options.prompt_sha256
    answers = ask(
        "tagging",
        work(),
        parse_tags,
        open_endpoint=_endpoint_of(options),
        max_attempts=options.max_attempts,
        n_total=n_total,
    )
    rows: list[dict[str, Any]] = []
    for answer in answers:
        ingested_at, is_cut = waiting.pop(answer.item_id)
        rows.append(_row(answer) | {"ingested_at": ingested_at, "is_cut": is_cut, "prompt_sha256": sha256})
        if len(rows) == _BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema=REPLY_SCHEMA)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=REPLY_SCHEMA)


def _endpoint_of(options: TaggingOptions) -> Callable[[], AbstractContextManager[Endpoint]]:
    if options.is_embedded:
        from python_models.embedded.server import local_endpoint

        return partial(local_endpoint, options.local_model)
    return open_configured_endpoint


def _row(answer: Answer[list[dict[str, Any]]]) -> dict[str, Any]:
    return {"sample_id": answer.item_id, "tags": answer.value or []} | answer_values(answer)
