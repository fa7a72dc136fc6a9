"""Sentence embeddings on this machine: the packaged all-MiniLM-L6-v2, or any sentence-transformers model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from python_models.embedded.weights import EMBEDDER_NAME, EMBEDDER_SHA256, embedder_path
from python_models.settings import usable_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Tags are of one length, and big batches are twice as fast; sentences differ, and small batches pad less (measured on
# two cores: 3 times as fast for sentences of 40 to 160 characters, 1.4 times for longer ones).
_SHORT_CHARS = 40
_SHORT_BATCH, _LONG_BATCH = 256, 32
_DECIMALS = 6


def embed(texts: Sequence[str], model_name: str = EMBEDDER_NAME) -> NDArray[np.float32]:
    """Embed texts as unit vectors.

    A vector depends on its text, not on the texts beside it: padding changes the last bits only, and components are
    rounded to 6 decimals. A component that lies at the edge of a step can still differ by 1e-6.

    Args:
        texts: any texts; what is over the model's limit (256 word pieces for all-MiniLM-L6-v2) is not read.
        model_name: ``all-MiniLM-L6-v2`` for the packaged weights (no network). Any other name is loaded by
            sentence-transformers: a local folder, or a model of the hub such as ``whaleloops/phrase-bert``, which is
            downloaded on first use.

    Returns:
        float32 array of shape (n_texts, n_dimensions), (0, n_dimensions) for no texts.

    Raises:
        WeightsError: the packaged weights are missing or not the pinned ones.
        OSError: another model can be neither found nor downloaded (raised by the library).
    """
    model = _load(model_name)
    if not texts:
        return np.zeros((0, int(model.get_embedding_dimension())), dtype=np.float32)
    vectors = model.encode(
        # Lone surrogates cannot be tokenized.
        [text.encode("utf-8", "replace").decode("utf-8") for text in texts],
        batch_size=_SHORT_BATCH if sum(map(len, texts)) <= _SHORT_CHARS * len(texts) else _LONG_BATCH,
        normalize_embeddings=True,
        convert_to_numpy=True,
        show_progress_bar=False,
    )
    return np.round(np.asarray(vectors, dtype=np.float32), _DECIMALS) + np.float32(0)  # + 0: no negative zeros


def embedder_identity(model_name: str = EMBEDDER_NAME) -> str:
    """Name under which vectors may be cached: with the first 8 digits of the weights' sha256 for the packaged model."""
    if model_name != EMBEDDER_NAME:
        return model_name
    return f"{model_name}@{EMBEDDER_SHA256['model.safetensors'][:8]}"


@cache
def _load(model_name: str) -> Any:
    """The model, once per process. torch is imported here: it takes seconds, which only those who embed should pay."""
    if model_name != EMBEDDER_NAME:
        return _load_from(model_name)
    folder = str(embedder_path())
    with _offline():
        return _load_from(folder)


def _load_from(source: str) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as messages

    torch.set_num_threads(usable_cores())
    messages.disable_progress_bar()  # type: ignore[no-untyped-call]
    # On the CPU in full precision, so that every machine of a kind gets the same vectors.
    return SentenceTransformer(source, device="cpu")


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the hub's client from looking anything up while packaged weights are loaded."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
