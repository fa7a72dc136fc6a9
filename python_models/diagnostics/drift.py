"""How far merges move the meaning of tags, seen by their embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from python_models.embedded.embedding import embed_tags


def merge_similarities(
    raw_tags: Sequence[str], normalized_tags: Sequence[str], embedding_model: str
) -> npt.NDArray[np.float64]:
    """Cosine between every raw tag and the tag that stands for it.

    Args:
        raw_tags: tags as written.
        normalized_tags: what became of them, in the same order.
        embedding_model: model that embeds both.

    Returns:
        Shape ``(n_tags,)``, -1 to 1, rounded to 5 decimals; 1 where the two are the same text.
    """
    vectors = embed_tags([*raw_tags, *normalized_tags], embedding_model)
    raw, normalized = vectors[: len(raw_tags)], vectors[len(raw_tags) :]
    cosines = np.einsum("ij,ij->i", raw, normalized, dtype=np.float64)
    return np.asarray(np.clip(np.round(cosines, 5), -1.0, 1.0))
