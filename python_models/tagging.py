"""Ask a language model for the open tags of instructions: stage 1 of TACOS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from python_models.llm.answer_columns import ANSWER_FIELDS, answer_values
from python_models.llm.endpoint import Endpoint, open_configured_endpoint
from python_models.llm.engine import Answer, ask
from python_models.llm.fence import clean_and_cut, fence
from python_models.llm.replies import parse_tags
from python_models.llm.request import ChatRequest
from python_models.prompts import fill, prompt_sha256, prompt_text

EMBEDDED = "embedded"
"""Model name that stands for the language model that runs on this machine."""

_EMBEDDED_CHARS = 1_200
"""The embedded model reads 2,048 tokens, some of them examples: longer instructions are cut here."""

_MAX_TOKENS = 256
_MAX_TOKENS_EXPLAINED = 1_024
"""Room for 30 short tags, and for 5 to 10 with a sentence each."""

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


_PROMPT_FILES = {
    "capable": "tag_instruction.txt",
    "capable_reply": "tag_no_explanation.txt",
    "capable_reply_explained": "tag_explanation.txt",
    "capable_schema": "tag_reply_brief.schema.json",
    "capable_schema_explained": "tag_reply.schema.json",
    "embedded": "tag_instruction_embedded.txt",
    "embedded_examples": "tag_instruction_embedded.jsonl",
    "embedded_schema": "tag_reply_embedded.schema.json",
}


def tagging_prompts() -> dict[str, str]:
    """Texts of all prompt files of the stage; ``prompts/README.md`` says what each is."""
    return {name: prompt_text(file) for name, file in _PROMPT_FILES.items()}


@dataclass(frozen=True)
class TaggingOptions:
    """What decides the tags, beside the instructions.

    Attributes:
        model_name: name of the tagging model, or ``embedded``.
        prompts: texts of the prompt files, by the names of ``tagging_prompts``.
        has_explanations: whether each tag comes with a sentence of explanation.
        max_prompt_chars: longer instructions are cut.
        max_attempts: how often one reply is asked for in one run, if it cannot be read.
        local_model: another GGUF file for ``embedded``, None for the packaged one.
    """

    model_name: str
    prompts: Mapping[str, str]
    has_explanations: bool
    max_prompt_chars: int
    max_attempts: int
    local_model: Path | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the model on this machine is asked."""
        return self.model_name == EMBEDDED


def tag_samples(
    batches: Iterable[list[dict[str, Any]]], options: TaggingOptions, n_total: int
) -> Iterator[pa.RecordBatch]:
    """Tag samples, in bounded memory and in the order in which the answers come.

    Args:
        batches: lists of rows with ``sample_id``, ``instruction`` and ``ingested_at``.
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

    sha256 = prompt_sha256(*(text for name, text in sorted(options.prompts.items()) if _is_used(name, options)))
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


def build_requests(batch: list[dict[str, Any]], options: TaggingOptions) -> Iterator[tuple[ChatRequest, bool]]:
    """Yield one request per row, in order, and whether its instruction was cut."""
    if options.is_embedded:
        yield from _embedded_requests(batch, options)
        return
    variant = "_explained" if options.has_explanations else ""
    schema = json.loads(options.prompts[f"capable_schema{variant}"])
    reply_form = options.prompts[f"capable_reply{variant}"].strip()
    system = fill(options.prompts["capable"], {"explanation": reply_form}).strip()
    for row in batch:
        text, is_cut = clean_and_cut(row["instruction"], options.max_prompt_chars)
        yield (
            ChatRequest(
                model=options.model_name,
                messages=(
                    {"role": "system", "content": system},
                    {"role": "user", "content": fence(instruction=text)["instruction"]},
                ),
                parameters={
                    "temperature": 0,
                    "max_tokens": _MAX_TOKENS_EXPLAINED if options.has_explanations else _MAX_TOKENS,
                },
                reply_schema=schema,
                schema_name="tags",
            ),
            is_cut,
        )


def _embedded_requests(batch: list[dict[str, Any]], options: TaggingOptions) -> Iterator[tuple[ChatRequest, bool]]:
    """Requests to the embedded model: the nearest examples of the bank go in front, as earlier turns of the chat."""
    from python_models.embedded.examples import cached_nearest_examples
    from python_models.embedded.weights import local_model_identity

    schema = json.loads(options.prompts["embedded_schema"])
    system = {"role": "system", "content": options.prompts["embedded"].strip()}
    limit = min(options.max_prompt_chars, _EMBEDDED_CHARS)
    texts = [clean_and_cut(row["instruction"], limit) for row in batch]
    examples = cached_nearest_examples([text for text, _ in texts], options.prompts["embedded_examples"])
    model = local_model_identity(options.local_model)
    for (text, is_cut), nearest in zip(texts, examples, strict=True):
        turns = []
        for example in nearest:
            reply = json.dumps({"tags": example.tags}, ensure_ascii=False, separators=(",", ":"))
            turns += [{"role": "user", "content": example.request}, {"role": "assistant", "content": reply}]
        yield (
            ChatRequest(
                model=model,
                messages=(system, *turns, {"role": "user", "content": text}),
                parameters={"temperature": 0, "max_tokens": 64, "seed": 0},
                reply_schema=schema,
                schema_name="tags",
            ),
            is_cut,
        )


def _endpoint_of(options: TaggingOptions) -> Callable[[], AbstractContextManager[Endpoint]]:
    if options.is_embedded:
        from python_models.embedded.server import local_endpoint

        return partial(local_endpoint, options.local_model)
    return open_configured_endpoint


def _is_used(prompt_name: str, options: TaggingOptions) -> bool:
    return prompt_name.startswith("embedded") == options.is_embedded


def _row(answer: Answer[list[dict[str, Any]]]) -> dict[str, Any]:
    return {"sample_id": answer.item_id, "tags": answer.value or []} | answer_values(answer)
