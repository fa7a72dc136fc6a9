"""What is under way at the batch API, as the cache file has it written down."""

from __future__ import annotations

from typing import NamedTuple

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import INSERT_REPLY, now_us
from python_models.llm.cache.writer import Rows, Work


class Entry(NamedTuple):
    """One request of a batch: its key, model and attempt, and the most that it can cost in tokens."""

    key: str
    model: str
    attempt: int
    n_prompt_tokens: int
    n_completion_tokens: int


class Ledger:
    """The batches of one address in a cache file.

    Args:
        stage: for the usage columns.
        base_url: the address, as it may be shown.
        cache: where everything is written down.
    """

    def __init__(self, stage: str, base_url: str, cache: ResponseCache) -> None:
        self._stage = stage
        self._base_url = base_url
        self._cache = cache

    def open(self, token: str, entries: list[Entry], *, keeps_reservations: bool) -> None:
        """Write down a batch before the endpoint hears of it, with its worst prices where a limit is set."""
        row = (token, self._stage, self._base_url, len(entries), now_us())
        requests = [(bytes.fromhex(entry.key), token, entry.model, entry.attempt) for entry in entries]
        also: list[tuple[str, Rows]] = [
            ("INSERT INTO batch_requests (request_key, token, model, attempt) VALUES (?, ?, ?, ?)", requests)
        ]
        if keeps_reservations:
            reservations = [
                (bytes.fromhex(e.key), self._stage, e.model, e.n_prompt_tokens, e.n_completion_tokens, now_us())
                for e in entries
            ]
            insert = (
                "INSERT INTO reservations (request_key, stage, model, n_prompt_tokens, n_completion_tokens, is_batch,"
                " sent_at) VALUES (?, ?, ?, ?, ?, 1, ?)"
            )
            also.append((insert, reservations))
        insert = (
            "INSERT INTO batches (token, stage, base_url, n_requests, created_at, status)"
            " VALUES (?, ?, ?, ?, ?, 'open')"
        )
        self._cache.writer.submit(Work(insert, [row], tuple(also))).result()

    def name(self, token: str, batch_id: str) -> None:
        """Write down the id that the endpoint gave."""
        self._write("UPDATE batches SET batch_id = ? WHERE token = ?", (batch_id, token))

    def lose(self, token: str) -> None:
        """Write down that a batch was never made, so that nothing was paid for it."""
        self._forget_reservations(token)
        self._write("UPDATE batches SET status = 'lost' WHERE token = ?", (token,))

    def settle(self, token: str) -> None:
        """Write down that the replies of a batch are stored."""
        self._forget_reservations(token)
        self._write("UPDATE batches SET status = 'collected' WHERE token = ?", (token,))

    def open_tokens(self) -> list[tuple[str, str | None]]:
        """Token and batch id of all batches of this endpoint whose replies are not stored yet."""
        rows = self._cache.read(
            "SELECT token, batch_id FROM batches WHERE status = 'open' AND base_url = ? ORDER BY created_at, token",
            (self._base_url,),
        )
        return [(str(token), None if batch_id is None else str(batch_id)) for token, batch_id in rows]

    def unanswered(self, token: str) -> tuple[int, list[str]]:
        """The number of requests of a batch, and the keys of those without a reply."""
        rows = self._cache.read(
            "SELECT lower(hex(request_key)), request_key IN (SELECT request_key FROM replies) FROM batch_requests"
            " WHERE token = ?",
            (token,),
        )
        return len(rows), [str(key) for key, has_reply in rows if not has_reply]

    def store(self, rows: Rows, paid: Rows) -> None:
        """Store replies, and forget the worst prices of those whose tokens are known."""
        delete = "DELETE FROM reservations WHERE request_key = ? AND is_batch = 1"
        self._cache.writer.submit(Work(INSERT_REPLY, rows, ((delete, paid),))).result()

    def requests(self, token: str, keys: list[str]) -> dict[str, tuple[str, int]]:
        """Model and attempt of those keys that belong to the batch."""
        blobs = [bytes.fromhex(key) for key in keys if _is_key(key)]
        marks = ",".join("?" * len(blobs))
        rows = self._cache.read(
            f"SELECT lower(hex(request_key)), model, attempt FROM batch_requests"  # noqa: S608
            f" WHERE token = ? AND request_key IN ({marks})",
            [token, *blobs],
        )
        return {str(key): (str(model), int(str(attempt))) for key, model, attempt in rows}

    def _forget_reservations(self, token: str) -> None:
        """What brought no reply was not paid for; what brought one without token counts stays at its worst price."""
        self._write(
            "DELETE FROM reservations WHERE is_batch = 1 AND request_key IN"
            " (SELECT request_key FROM batch_requests WHERE token = ?)"
            " AND request_key NOT IN (SELECT request_key FROM replies WHERE n_prompt_tokens IS NULL)",
            (token,),
        )

    def _write(self, sql: str, row: tuple[object, ...]) -> None:
        self._cache.writer.submit(Work(sql, [row])).result()


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
