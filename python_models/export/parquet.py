"""Parquet: the rows of messages in typed columns, and the original record whole, as JSON text in ``record``.

Arguments of calls and descriptions of tools differ from record to record, so they are JSON text: a column has one type.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from python_models.export import messages
from python_models.export.conversation import Conversation
from python_models.source.texts import dump

_CALL = pa.struct([("type", pa.string()), ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())]))])
_SCORES = {
    "tacos_sample_id": pa.string(),
    "tacos_selection_rank": pa.int64(),
    "tacos_cluster": pa.string(),
    "tacos_judge_score": pa.float64(),
    "tacos_cluster_score": pa.float64(),
    "tacos_judge_model": pa.string(),
}
_ROWS_AT_ONCE = 1_000


def row(conversation: Conversation, record: str) -> dict[str, Any]:
    """Make the row of a conversation; ``record`` is the original as JSON text.

    Raises:
        UnfitError: the format cannot hold it.
    """
    made = messages.row(conversation)
    for turns in made.values():
        for turn in turns:
            for call in turn.get("tool_calls", ()):
                call["function"] = call["function"] | {"arguments": dump(call["function"]["arguments"])}
    return made | ({"tools": dump(made["tools"])} if "tools" in made else {}) | {"record": record}


def convert(lines: Path, target: Path, columns: set[str]) -> None:
    """Turn a file of rows as JSON Lines into Parquet, in bounded memory.

    Args:
        lines: the rows.
        target: the file to write.
        columns: what the rows have; "tool_calls" if a message has.

    Raises:
        OSError: a file cannot be read or written.
    """
    turn = pa.struct(
        [("role", pa.string()), ("content", pa.string())]
        + ([("tool_calls", pa.list_(_CALL))] if "tool_calls" in columns else [])
    )
    types = dict.fromkeys(("prompt", "chosen", "rejected", "messages"), pa.list_(turn)) | {"tools": pa.string()}
    types |= {"record": pa.string()} | _SCORES
    schema = pa.schema([(name, kind) for name, kind in types.items() if name in columns])
    with lines.open("rb") as source, pq.ParquetWriter(target, schema) as writer:
        while batch := [orjson.loads(line) for line in islice(source, _ROWS_AT_ONCE)]:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
