"""Items that wait for a batch, in a file instead of in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from python_models.llm.lookup import Item
from python_models.llm.request import ChatRequest


class Spool:
    """Items that wait, as lines of a file.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_items = 0
        self._file = path.open("w", encoding="ascii")

    def write(self, item: Item, first_attempt: int, n_failures: int) -> None:
        """Append an item: at which attempt it began in this run, and how often the endpoint failed."""
        request = item.request
        line = [
            item.item_ids[0],
            first_attempt,
            n_failures,
            request.model,
            [dict(message) for message in request.messages],
            dict(request.parameters),
            request.reply_schema,
            request.schema_name,
            request.reply_room,
        ]
        self._file.write(json.dumps(line) + "\n")
        self.n_items += 1

    def read(self) -> Iterator[tuple[str, ChatRequest, int, int]]:
        """All items written so far: id, request, first attempt, number of failures."""
        self._file.flush()
        with self.path.open(encoding="ascii") as file:
            for line in file:
                item_id, first_attempt, n_failures, model, messages, *rest = json.loads(line)
                yield item_id, ChatRequest(model, tuple(messages), *rest), first_attempt, n_failures

    def close(self) -> None:
        """Close and remove the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)
