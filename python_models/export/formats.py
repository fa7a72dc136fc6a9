"""The formats by name, and the row that each makes of a kept sample."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from python_models.export import alpaca, axolotl, llama_factory, messages, original, parquet, sharegpt
from python_models.export.conversation import UnfitError, read
from python_models.source.conversations import TurnError
from python_models.source.fields import FieldError
from python_models.source.formats import parse

FORMATS = {
    "original": "each record as it was read",
    "alpaca": "instruction, input, output",
    "sharegpt": "conversations of from and value",
    "messages": "messages of role and content, which TRL reads",
    "parquet": "messages in typed columns, with the original record",
    "llama-factory": "conversations, and dataset_info.json beside them",
    "axolotl": "messages, and the stanza of a configuration beside them",
}
_ROWS = {
    "alpaca": alpaca.row,
    "sharegpt": sharegpt.row,
    "messages": messages.row,
    "llama-factory": llama_factory.row,
    "axolotl": axolotl.row,
}


class Kept(NamedTuple):
    """A kept sample: its record as JSON text, where that came from, the texts of the sample, columns of its scores."""

    sample_id: str
    record: str
    source: str
    instruction: str
    response: str
    system_prompt: str | None
    scores: dict[str, Any]


def make_row(kept: Kept, format_name: str, mapping: Mapping[str, str], is_chosen_only: bool) -> Any:
    """Make the row of a kept sample, and read it back: what a trainer would read is the sample that was judged.

    Args:
        kept: the sample.
        format_name: one of ``FORMATS``.
        mapping: the column mapping its record was read with.
        is_chosen_only: leave the rejected answer out.

    Raises:
        UnfitError: the format cannot hold it, or the row would be another sample.
    """
    record = json.loads(kept.record)
    if format_name == "original":
        return original.row(record, kept.scores)
    try:
        conversation = read(record, mapping)
    except (FieldError, TurnError) as error:
        raise UnfitError(f"it cannot be read as a conversation: {error}") from error
    if conversation.unread:
        raise UnfitError(f"something in it is no text ({conversation.unread}): original holds it")
    if is_chosen_only:
        conversation = conversation.without_rejected()
    row = parquet.row(conversation, kept.record) if format_name == "parquet" else _ROWS[format_name](conversation)
    read_back = parse(row, {})
    texts = (read_back.instruction, read_back.response, read_back.system_prompt)
    if [_plain(text) for text in texts] != [_plain(text) for text in kept[3:6]]:
        raise UnfitError(f"{format_name} would be read as another sample: original holds it")
    return row | kept.scores


def _plain(text: str | None) -> str:
    """A text as the id of a sample sees it: white space collapsed."""
    return " ".join((text or "").split())
