"""Axolotl's conversations without a template: texts in a row, each with the mark whether it is to be learned."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

# Marks of the beginning and the end of the whole, which belong to a model and not to what is said.
ENDS = re.compile(r"\A\s*(?:<s>|<\|begin_of_text\|>)|(?:</s>|<\|end_of_text\|>|<\|endoftext\|>)\s*\Z")


def holds_segments(value: Any) -> bool:
    """Say whether a field holds segments: ``{"label": true, "text": ...}`` each."""
    return isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("label"), bool) and isinstance(item.get("text"), str)
        for item in value
    )


def read_segments(segments: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Read segments as turns: what is to be learned is said by the assistant, the rest by the user.

    Neighbours of one kind are one text: the writer cut it, so nothing is put between them.
    """
    turns = []
    for is_learned, group in groupby(segments, key=lambda item: bool(item["label"])):
        text = ENDS.sub("", "".join(item["text"] for item in group))
        if text.strip():
            turns.append({"role": "assistant" if is_learned else "user", "content": text})
    return turns
