"""Files of requests for the batch API, within its limits and the spending limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from python_models.llm.batch import api
from python_models.llm.batch.api import batch_line
from python_models.llm.batch.ledger import Entry
from python_models.llm.batch.spool import Spool
from python_models.llm.endpoint.dialect import Dialect
from python_models.llm.errors import SpendingLimitReached
from python_models.llm.lookup import Item, Lookup
from python_models.llm.online import CHUNK
from python_models.llm.session import Session
from python_models.llm.spending.prices import max_prompt_tokens


class BatchFiles:
    """Writes what waits into files.

    Args:
        lookup: knows at which attempt an item is.
        session: its spending limit holds.
        folder: for the file on its way.
        dialect_of: how a model is asked.

    Attributes:
        limit_reached: the error to end with, once a request did not fit into the spending limit.
    """

    def __init__(
        self, lookup: Lookup[Any], session: Session, folder: Path, dialect_of: Callable[[str], Dialect]
    ) -> None:
        self._lookup = lookup
        self._session = session
        self._folder = folder
        self._dialect = dialect_of
        self.limit_reached: SpendingLimitReached | None = None

    def write(self, spool: Spool, most_requests: Callable[[], int]) -> Generator[tuple[Path, list[Entry]], None, None]:
        """Write batch files within the limits of requests and bytes, each of one model; the next replaces it."""
        path = self._folder / "batch.jsonl"
        with closing(sqlite3.connect("")) as seen:  # a scratch database: a million keys need no memory
            seen.execute("CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID")
            waiting = self._entries(spool, seen)
            following = next(waiting, None)
            while following is not None:
                entries: list[Entry] = []
                n_bytes = 0
                planned_usd = 0.0
                with path.open("wb") as file:
                    while following is not None and len(entries) < most_requests():
                        entry, line, usd = following
                        if entries and (n_bytes + len(line) > api.MAX_BYTES or entry.model != entries[0].model):
                            break
                        if not self._fits(planned_usd + usd):
                            following = None
                            break
                        file.write(line)
                        n_bytes += len(line)
                        planned_usd += usd
                        entries.append(entry)
                        following = next(waiting, None)
                if entries:
                    yield path, entries

    def _entries(self, spool: Spool, seen: sqlite3.Connection) -> Iterator[tuple[Entry, bytes, float]]:
        """One entry, its line and its worst cost per different request that waits."""
        budget = self._session.budget
        for item in self._next_attempts(spool):
            if not seen.execute("INSERT OR IGNORE INTO keys VALUES (?)", (bytes.fromhex(item.key),)).rowcount:
                continue
            usd, n_prompt, n_completion = 0.0, max_prompt_tokens(item.request), 0
            if budget is not None and budget.limit_usd is not None:
                usd, n_prompt, n_completion = budget.worst_cost(item.request, item.attempt, is_batch=True)
            entry = Entry(item.key, item.request.model, item.attempt, n_prompt, n_completion)
            body = self._dialect(item.request.model).body(item.request, item.attempt)
            yield entry, batch_line(item.key, body), usd

    def _next_attempts(self, spool: Spool) -> Iterator[Item]:
        """Items of the spool at the attempt that is to be made next."""
        waiting = spool.read()
        while chunk := list(islice(waiting, CHUNK)):
            items = [Item(key := request.key(1), request, [item_id], key=key) for item_id, request, _, _ in chunk]
            yield from self._lookup.unanswered(items)

    def _fits(self, planned_usd: float) -> bool:
        budget = self._session.budget
        if budget is None or budget.limit_usd is None or budget.spent_usd + planned_usd <= budget.limit_usd:
            return True
        self.limit_reached = SpendingLimitReached(
            f"The next batch request does not fit into TACOS_MAX_COST_USD: ${budget.spent_usd:.4f} of "
            f"${budget.limit_usd:.4f} is spent. Everything received is in the cache; set a higher limit and run again "
            "to go on from here."
        )
        return False
