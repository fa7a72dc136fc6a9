"""Vectors of tags, computed once: the cache keeps them for every stage, environment and run."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt


def embed_tags(tags: Sequence[str], model_name: str) -> npt.NDArray[np.float32]:
    """Unit vectors of tags, from the cache where they were computed before.

    Args:
        tags: texts to embed; repeated ones cost nothing more.
        model_name: name of the embedding model, part of the cache's key.

    Returns:
        Shape ``(n_tags, n_dimensions)``, float32, in the order of the tags; ``(0, 0)`` without tags.
    """
    if not tags:
        return np.zeros((0, 0), dtype=np.float32)
    from python_models.embedded.embedder import embed, embedder_identity  # loads torch when it embeds, not before
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.settings import cache_path

    identity = embedder_identity(model_name)
    kind = f"embedding {identity}"
    keys = {tag: sha256(f"{identity}\n{tag}".encode("utf-8", "surrogatepass")).hexdigest() for tag in tags}
    with ResponseCache(cache_path()) as cache:
        known = cache.get_computed(kind, list(keys.values()))
        missing = [tag for tag, key in keys.items() if key not in known]
        if missing:
            vectors = np.asarray(embed(missing, model_name), dtype=np.float32)
            fresh = {keys[tag]: vector.tobytes() for tag, vector in zip(missing, vectors, strict=True)}
            cache.put_computed(kind, fresh)
            known = {**known, **fresh}
    return np.stack([np.frombuffer(known[keys[tag]], dtype=np.float32) for tag in tags])
