"""What a run still has to pay, before it pays: calls, tokens and dollars per stage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5
from heapq import nsmallest
from itertools import islice
from operator import itemgetter
from typing import Any

import pyarrow as pa

from python_models.cli.judging_calls import unanswered
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.fence import clean_and_cut
from python_models.llm.replies import parse_tags
from python_models.llm.request import ChatRequest
from python_models.llm.spending.prices import Price, find_price

_CHUNK = 1_000
_CHARS_PER_TOKEN = 4.0
_OTHER_CHARS_PER_TOKEN = 1.5
"""Usual byte-pair vocabularies: about 4 ASCII characters a token, and 1 to 2 of other scripts."""

_MESSAGE_TOKENS = 4
"""What the form of a chat adds to each message (role and separators)."""

_FENCE_TOKENS = 80
"""The lines around the four texts of a judging request."""

_JUDGING_REPLY_TOKENS = 15.0


@dataclass
class StageEstimate:
    """What a stage still has to pay.

    Attributes:
        stage, model_name, effort: who would ask whom, and how much the model would reason.
        n_calls: calls still to pay; ``is_bound`` says that there may be fewer.
        n_cached: calls that are already paid for.
        n_prompt_tokens, n_completion_tokens: of the calls still to pay.
        cost_usd: their cost; None if the price of the model is unknown.
    """

    stage: str
    model_name: str
    n_calls: int = 0
    n_cached: int = 0
    n_prompt_tokens: float = 0.0
    n_completion_tokens: float = 0.0
    cost_usd: float | None = None
    is_bound: bool = False
    effort: str = ""

    def set_cost(self, prices: Mapping[str, Price]) -> StageEstimate:
        """Compute the cost, at full price and with nothing cached by the endpoint."""
        price = find_price(prices, self.model_name)
        if price is not None:
            self.cost_usd = price.cost(round(self.n_prompt_tokens), 0, round(self.n_completion_tokens))
        return self


def count_tokens(text: str) -> float:
    """Tokens of a text, about: no tokenizer is at hand for every model that an endpoint may serve."""
    n_ascii = len(text.encode("ascii", "ignore"))
    return n_ascii / _CHARS_PER_TOKEN + (len(text) - n_ascii) / _OTHER_CHARS_PER_TOKEN


def distinct_samples(records: Iterable[pa.RecordBatch], sample_limit: int = 0) -> Iterator[dict[str, Any]]:
    """The samples of a dataset as ``tacos.samples`` will hold them.

    Args:
        records: of the dataset, see ``records.read_records``.
        sample_limit: so many samples, those with the lowest hash; 0 for all.
    """
    samples = _hashed_samples(records)
    chosen = nsmallest(sample_limit, samples, key=itemgetter(0)) if sample_limit else samples
    yield from (sample for _, sample in chosen)


def _hashed_samples(records: Iterable[pa.RecordBatch]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Samples with their hash, which is the sample_id of ``tacos.samples``."""
    seen: set[bytes] = set()
    for batch in records:
        for row in batch.to_pylist():
            if row["error"] is not None:
                continue
            names = [name for name in ("instruction", "response", "system_prompt") if row[name]]
            texts = "\n".join(re.sub(r"\s+", " ", row[name]).strip() for name in names)
            hashed = md5(texts.encode("utf-8", "replace"), usedforsecurity=False)
            key = hashed.digest()
            if key not in seen:
                seen.add(key)
                yield key, {"sample_id": hashed.hexdigest()} | {name: row[name] for name in names}


def estimate_tagging(
    requests: Iterable[ChatRequest], cache: ResponseCache | None, estimate: StageEstimate, reply_tokens: float
) -> StageEstimate:
    """Add up what the requests that are not in the cache will take.

    The cached ones correct the guess: their true tokens, as the endpoint counted them, scale those of the others.

    Args:
        requests: one per sample; read lazily.
        cache: the response cache, None if there is none yet.
        estimate: is filled in.
        reply_tokens: tokens of a reply, as long as none is known.
    """
    remaining = iter(requests)
    paid_guess = paid_tokens = paid_reply_tokens = 0.0
    n_counted = 0
    seen: set[str] = set()
    while chunk := list(islice(remaining, _CHUNK)):
        keyed = {request.key(1): request for request in chunk}
        keyed = {key: request for key, request in keyed.items() if key not in seen}
        seen |= keyed.keys()
        missing = unanswered(list(keyed.values()), cache, parse_tags)
        found: dict[str, CachedReply] = cache.get_many(list(keyed)) if cache else {}
        for key, request in keyed.items():
            guess = sum(count_tokens(message["content"]) + _MESSAGE_TOKENS for message in request.messages)
            if key in missing:
                estimate.n_calls += 1
                estimate.n_prompt_tokens += guess
                continue
            estimate.n_cached += 1
            reply = found.get(key)
            if reply is not None and reply.n_prompt_tokens is not None and reply.n_completion_tokens is not None:
                paid_guess += guess
                paid_tokens += reply.n_prompt_tokens
                paid_reply_tokens += reply.n_completion_tokens
                n_counted += 1
    if n_counted:
        estimate.n_prompt_tokens *= paid_tokens / paid_guess
        reply_tokens = paid_reply_tokens / n_counted
    estimate.n_completion_tokens = estimate.n_calls * reply_tokens
    return estimate


class JudgingSize:
    """Adds up the length of samples as the judge will see them, while they are read for another purpose."""

    def __init__(self, prompt: str, max_prompt_chars: int) -> None:
        self._prompt_tokens = count_tokens(prompt) + 2 * _MESSAGE_TOKENS
        self._max_chars = max_prompt_chars
        self._sample_tokens = 0.0
        self._sample_ids: set[str] = set()
        self.n_samples = 0

    def add(self, sample: Mapping[str, Any]) -> None:
        """Count a sample."""
        self.n_samples += 1
        self._sample_ids.add(sample["sample_id"])
        for name in ("instruction", "response", "system_prompt"):
            if sample.get(name):
                self._sample_tokens += count_tokens(clean_and_cut(sample[name], self._max_chars)[0])

    def are_samples(self, sample_ids: Iterable[str]) -> bool:
        """Whether these are the ids of the samples counted, no fewer and no more."""
        return set(sample_ids) == self._sample_ids

    def fill_in(
        self, estimate: StageEstimate, n_calls: int, texts_per_call: int = 2, reasoning_tokens: float = 0.0
    ) -> StageEstimate:
        """What ``n_calls`` of the judge take, each with so many samples of mean length."""
        estimate.n_calls = n_calls
        mean = self._sample_tokens / max(1, self.n_samples)
        estimate.n_prompt_tokens = n_calls * (self._prompt_tokens + _FENCE_TOKENS + texts_per_call * mean)
        estimate.n_completion_tokens = n_calls * (_JUDGING_REPLY_TOKENS + reasoning_tokens)
        return estimate
