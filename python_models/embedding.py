"""Vectors of tags, computed once: the cache keeps them for every stage, environment and run."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

_KIND = "tag_embedding"


def embed_tags(tags: Sequence[str], model_name: str) -> npt.NDArray[np.float32]:
    """Unit vectors of tags, from the cache where they were computed before.

    Args:
        tags: texts to embed; repeated ones cost nothing more.
        model_name: name of the embedding model, part of the cache's key.

    Returns:
        Shape ``(n_tags, n_dimensions)``, float32, in the order of the tags; ``(0, 0)`` without tags.
    """
    from python_models.llm.cache import ResponseCache
    from python_models.settings import cache_path

    keys = {tag: sha256(f"{model_name}\n{tag}".encode()).hexdigest() for tag in tags}
    if not keys:
        return np.zeros((0, 0), dtype=np.float32)
    with ResponseCache(cache_path()) as cache:
        known = cache.get_computed(_KIND, list(keys.values()))
        missing = [tag for tag, key in keys.items() if key not in known]
        if missing:
            from python_models.embedded.embedder import embed  # loads torch: only when there is something to embed

            vectors = np.asarray(embed(missing, model_name), dtype=np.float32)
            fresh = {keys[tag]: vector.tobytes() for tag, vector in zip(missing, vectors, strict=True)}
            cache.put_computed(_KIND, fresh)
            known = {**known, **fresh}
    return np.stack([np.frombuffer(known[keys[tag]], dtype=np.float32) for tag in tags])
