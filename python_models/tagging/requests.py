"""The request for the tags of one instruction: a capable model is told what to do, the embedded one is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from python_models.llm.effort import reply_parameters, reply_room
from python_models.llm.fence import clean_and_cut, fence
from python_models.llm.request import ChatRequest
from python_models.prompts import fill
from python_models.tagging.options import TaggingOptions

_EMBEDDED_CHARS = 1_200
"""The embedded model reads 2,048 tokens, some of them examples: longer instructions are cut here."""

_EMBEDDED_SYSTEM_CHARS = 200
"""Enough to say what the assistant is there for."""

_MAX_TOKENS = 256
_MAX_TOKENS_EXPLAINED = 1_024
"""Room for 30 short tags, and for 5 to 10 with a sentence each."""


def build_requests(batch: list[dict[str, Any]], options: TaggingOptions) -> Iterator[tuple[ChatRequest, bool]]:
    """Yield one request per row, in order, and whether its instruction (or system prompt) was cut.

    A row may have a ``system_prompt``, which says what the assistant is there for; it stands before the instruction,
    fenced like it.
    """
    if options.is_embedded:
        yield from _embedded_requests(batch, options)
        return
    room = _MAX_TOKENS_EXPLAINED if options.has_explanations else _MAX_TOKENS
    parameters = reply_parameters(options.effort, room)
    room = reply_room(options.effort, options.max_reply_tokens, room)
    schema = json.loads(options.prompts["capable_schema"])
    reply_form = options.prompts["capable_reply"].strip()
    system = {
        "role": "system",
        "content": fill(options.prompts["capable"], {"explanation": reply_form}).strip(),
    }
    for row in batch:
        names = ["system_prompt", "instruction"] if row.get("system_prompt") else ["instruction"]
        cut = {name: clean_and_cut(row[name], options.max_prompt_chars) for name in names}
        fenced = fence(**{name: text for name, (text, _) in cut.items()})
        yield (
            ChatRequest(
                model=options.model_name,
                messages=(system, {"role": "user", "content": "\n\n".join(fenced.values())}),
                parameters=parameters,
                reply_schema=schema,
                schema_name="tags",
                reply_room=room,
            ),
            any(is_cut for _, is_cut in cut.values()),
        )


def _embedded_requests(batch: list[dict[str, Any]], options: TaggingOptions) -> Iterator[tuple[ChatRequest, bool]]:
    """Requests to the embedded model: the nearest examples of the bank go in front, as earlier turns of the chat."""
    from python_models.embedded.examples import cached_nearest_examples
    from python_models.embedded.weights import local_model_identity

    schema = json.loads(options.prompts["embedded_schema"])
    system = {"role": "system", "content": options.prompts["embedded"].strip()}
    limit = min(options.max_prompt_chars, _EMBEDDED_CHARS)
    texts = [_cut_for_embedded(row, limit) for row in batch]
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


def _cut_for_embedded(row: dict[str, Any], limit: int) -> tuple[str, bool]:
    """What the embedded model reads: the instruction, after the beginning of the system prompt if there is one."""
    text, is_cut = clean_and_cut(row["instruction"], limit)
    if not row.get("system_prompt"):
        return text, is_cut
    system, is_system_cut = clean_and_cut(row["system_prompt"], _EMBEDDED_SYSTEM_CHARS)
    return f"{system}\n\n{text}", is_cut or is_system_cut
