"""What a run opens when it has to send, and closes in the right order: lock, endpoint, budget, sender."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import UTC, datetime

from python_models.llm.batch.api import Batches
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.sending_lock import SendingLock
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.endpoint.notices import notices
from python_models.llm.errors import EndpointError, ShardEnded
from python_models.llm.lookup import Item
from python_models.llm.progress import Progress
from python_models.llm.sender import Sender
from python_models.llm.spending.budget import Budget
from python_models.llm.spending.prices import read_prices
from python_models.settings import LlmSettings


def _is_only_evaluated() -> bool:
    """Whether ``sqlmesh evaluate`` (or ``context.evaluate``) runs the model, which SQLMesh does not tell it."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "evaluate_and_fetch":
        frame = frame.f_back
    return frame is not None


class Session:
    """The resources of one run; nothing is opened before ``open``.

    Args:
        stage: name of the stage.
        cache: the open cache.
        settings: limits.
        open_endpoint: gives the endpoint.
        progress: the line that is shown.
        stack: closes what was opened.
    """

    def __init__(
        self,
        stage: str,
        cache: ResponseCache,
        settings: LlmSettings,
        open_endpoint: Callable[[], AbstractContextManager[Endpoint]],
        progress: Progress,
        stack: ExitStack,
    ) -> None:
        self.stage = stage
        self.cache = cache
        self.settings = settings
        self.progress = progress
        self.endpoint: Endpoint | None = None
        self.budget: Budget | None = None
        self.sender: Sender | None = None
        self._open_endpoint = open_endpoint
        self._stack = stack
        self._n_elsewhere = 0

    def own(self, items: list[Item]) -> list[Item]:
        """The items whose requests are this process's to send; those of other shards are counted and let go."""
        shard = self.settings.shard
        if shard is None:
            return items
        own = [item for item in items if shard.holds(item.first_key)]
        self._n_elsewhere += sum(len(item.item_ids) for item in items) - sum(len(item.item_ids) for item in own)
        return own

    def end(self) -> None:
        """All is asked that is this process's to ask.

        Raises:
            ShardEnded: the other shards have not brought the rest yet, so that the table cannot be made.
        """
        if self._n_elsewhere:
            raise ShardEnded(
                f"{self.stage}: shard {self.settings.shard} has asked for all that is its own. {self._n_elsewhere:,} "
                "more belong to the other shards. When those have come as far, write their caches out (tacos cache "
                "export FILE), read the files here (tacos cache import FILE ...) and run again; nothing is paid twice."
            )

    def open(self) -> bool:
        """Get ready to send, once; returns whether another run had to be waited for."""
        if self.endpoint is not None:
            return False
        lock = SendingLock(self.cache.path, self.progress.say)
        has_waited = lock.acquire()
        self._stack.callback(lock.release)
        self._stack.callback(self.cache.flush)  # the next run may look things up as soon as the lock is free
        self.endpoint = self._stack.enter_context(self._open_endpoint())
        if not self.endpoint.is_free and _is_only_evaluated():
            raise EndpointError(
                "sqlmesh evaluate would pay for the whole table, whatever --limit says: nothing was sent. "
                "To try a prompt on a few samples, plan an environment with a small dataset."
            )
        has_collected = self._collect_batches() if not self.endpoint.is_free else False
        self.count_spending()
        return has_waited or has_collected

    def _collect_batches(self) -> bool:
        """Store the replies of batches of earlier runs that have ended; returns whether there were any.

        Raises:
            EndpointError: some are still under way, and this run does not wait for batches.
        """
        if self.endpoint is None or not self.cache.read("SELECT 1 FROM batches WHERE status = 'open' LIMIT 1"):
            return False
        with closing(Batches(self.stage, self.endpoint, self.settings, self.cache)) as batches:
            batches.find_again()
            _, n_open, _ = batches.poll()
            if n_open and not self.settings.use_batch:
                ids = ", ".join(batches.open_ids)
                raise EndpointError(
                    f"An earlier run sent requests through the batch API that are still under way ({ids}); asking them "
                    "again would pay for them twice. Set TACOS_USE_BATCH=1 to wait for them, or cancel them there."
                )
            return batches.n_stored > 0

    def count_spending(self) -> Budget:
        """Count anew what the cache file has cost."""
        is_free = self.endpoint is not None and self.endpoint.is_free
        self.budget = Budget(self.settings.max_cost_usd, read_prices(), self.cache, is_free=is_free)
        return self.budget

    def start_sender(self) -> Sender:
        """Start the thread that sends."""
        if self.endpoint is None or self.budget is None:
            raise AssertionError("the session must be open before anything is sent")
        self.sender = Sender(self.stage, self.endpoint, self.settings, self.budget, self.cache.writer)
        self._stack.callback(self.sender.close)
        return self.sender

    def look_at(self, models: set[str]) -> None:
        """Tell the user what there is to know about models that are about to be asked."""
        if self.endpoint is not None and not self.endpoint.is_free:
            for notice in notices(self.endpoint, models, read_prices(), datetime.now(UTC).date()):
                self.progress.say(notice)

    def show(self) -> None:
        """Show the progress, if it is time to."""
        waits_for = None
        if self.sender is not None:
            waits_for = self.sender.waits_for()
            while not self.sender.patience.notices.empty():
                self.progress.say(f"{self.stage}: {self.sender.patience.notices.get()}")
        self.progress.update(self.budget.known_spent_usd if self.budget is not None else None, waits_for)
