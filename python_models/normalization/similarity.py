"""Tags of nearly the same meaning: the optional semantic aggregation (after InsTag, arXiv 2308.07074)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from python_models.embedded.embedding import embed_tags

_BLOCK = 1_024  # rows compared at once, so that memory stays at block x tags


def nearest_more_frequent(tags: Sequence[str], embedding_model: str, min_similarity: float) -> pd.DataFrame:
    """For every tag the most similar tag before it in the list, if it is similar enough.

    Args:
        tags: the tags, most frequent first; ties in a fixed order.
        embedding_model: model that embeds them.
        min_similarity: least cosine for a merge, above 0 and at most 1.

    Returns:
        Columns ``canonical_tag``, ``similar_tag``, ``cosine_similarity``; one row per tag that has such a neighbour.

    Raises:
        ValueError: ``min_similarity`` is out of range.
    """
    if not 0 < min_similarity <= 1:
        raise ValueError(
            f"The variable semantic_min_similarity must be 0 (off) or a cosine up to 1, but it is {min_similarity}."
        )
    rows: list[tuple[str, str, float]] = []
    vectors = embed_tags(tags, embedding_model)
    for start in range(0, len(tags), _BLOCK):
        block = vectors[start : start + _BLOCK]
        # Rounded, so that the last bits of a matrix product, which depend on the machine, do not decide.
        cosines = np.round(block @ vectors[: start + len(block)].T, 5)
        for offset, row in enumerate(cosines):
            earlier = row[: start + offset]
            if earlier.size and earlier.max() >= min_similarity:
                nearest = int(earlier.argmax())
                rows.append((tags[start + offset], tags[nearest], float(min(earlier[nearest], 1.0))))
    return pd.DataFrame(rows, columns=["canonical_tag", "similar_tag", "cosine_similarity"])
