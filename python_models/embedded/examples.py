"""Examples for the embedded language model: those of a hand-written bank that are nearest to a request.

A small model copies what it is shown more than it follows what it is told, so it is shown the tags of requests that
are like the one at hand. Two examples tag as well as three (on the bundled dataset: as many tags kept, as many samples
left without one) in three quarters of the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from python_models.embedded.embedder import embed, embedder_identity
from python_models.terminal import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from python_models.llm.cache.response_cache import ResponseCache

N_EXAMPLES = 2
_HEAD_WORDS = 3
_COSINE_DECIMALS = 5


class ExampleBankError(UserError, ValueError):
    """A line of the bank cannot be read: says which and what is wrong."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and the tags that a good tagger gives it: the task first, then the topic."""

    request: str
    tags: tuple[str, ...]


def read_bank(text: str) -> list[Example]:
    """Read a bank: JSON lines with ``request`` (text) and ``tags`` (texts, at least one).

    Raises:
        ExampleBankError: a line has another form, or a request stands there twice, or there are too few examples.
    """
    bank: list[Example] = []
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ExampleBankError(f"Line {number} of the example bank is no JSON: {error}.") from error
        request, tags = (record.get("request"), record.get("tags")) if isinstance(record, dict) else (None, None)
        is_good = isinstance(request, str) and isinstance(tags, list) and tags and all(isinstance(t, str) for t in tags)
        if not is_good or not isinstance(request, str) or not isinstance(tags, list):
            raise ExampleBankError(
                f'Line {number} of the example bank must look like {{"request": "...", "tags": ["...", "..."]}}, '
                f"but it is {line[:200]}"
            )
        if request in seen:
            raise ExampleBankError(f"Line {number} of the example bank repeats the request {request!r}.")
        seen.add(request)
        bank.append(Example(request, tuple(tags)))
    if len(bank) < N_EXAMPLES:
        raise ExampleBankError(f"The example bank must hold at least {N_EXAMPLES} examples, but it holds {len(bank)}.")
    return bank


def request_head(text: str) -> str:
    """First line of a request if it can stand for the task (three words or more, or ends like a label), else the text.

    The head says what is wanted ("Correct the grammar."), the rest is often the material it is wanted for, and the
    material's topic would otherwise decide which example is nearest.
    """
    first = text.strip().split("\n", 1)[0].strip()
    return first if len(first.split()) >= _HEAD_WORDS else text


def nearest_examples(
    texts: Sequence[str], bank: Sequence[Example], embed: Callable[[Sequence[str]], NDArray[np.float32]]
) -> list[list[Example]]:
    """The examples nearest to each text (``N_EXAMPLES``), nearest last.

    Nearness is the mean of two cosines with the example's request: that of the whole text, and that of its head.

    Args:
        texts: requests.
        bank: at least ``N_EXAMPLES`` examples.
        embed: function from texts to unit vectors of shape (n_texts, n_dimensions).

    Returns:
        ``N_EXAMPLES`` per text. Equal cosines (to 5 decimals) are ordered by their place in the bank, so that the
        choice does not hang on the last digits of a vector.
    """
    if not texts:
        return []
    heads = [request_head(text) for text in texts]
    distinct = list(dict.fromkeys([*texts, *heads]))
    place = {text: index for index, text in enumerate(distinct)}
    vectors = embed(distinct)
    of_bank = embed([example.request for example in bank]).astype(np.float64)
    mean = (vectors[[place[t] for t in texts]].astype(np.float64) + vectors[[place[h] for h in heads]]) / 2
    cosines = np.round(mean @ of_bank.T, _COSINE_DECIMALS)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :N_EXAMPLES]
    return [[bank[index] for index in reversed(row)] for row in order.tolist()]


def cached_nearest_examples(texts: Sequence[str], bank_text: str) -> list[list[Example]]:
    """nearest_examples by the packaged embedder, remembered in the response cache: a second run loads no model.

    Args:
        texts: requests.
        bank_text: content of the bank's file.

    Raises:
        ExampleBankError: the bank cannot be read.
        CacheError: the response cache cannot be read or written.
    """
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.settings import cache_path

    with ResponseCache(cache_path()) as store:
        return _through_cache(texts, bank_text, store)


def _through_cache(texts: Sequence[str], bank_text: str, store: ResponseCache) -> list[list[Example]]:
    bank = read_bank(bank_text)
    kind = f"nearest_examples/{N_EXAMPLES}/{embedder_identity()}/{sha256(bank_text.encode()).hexdigest()[:16]}"
    keys = [sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    known = store.get_computed(kind, list(dict.fromkeys(keys)))
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        place = {example: index for index, example in enumerate(bank)}
        found = nearest_examples(list(missing.values()), bank, embed)
        fresh = {
            key: json.dumps([place[example] for example in examples]).encode()
            for key, examples in zip(missing, found, strict=True)
        }
        store.put_computed(kind, fresh)
        known |= fresh
    return [[bank[index] for index in json.loads(known[key])] for key in keys]
