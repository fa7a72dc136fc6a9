"""Asking a model about many items: from the cache what is there, from the endpoint what is not, in bounded memory.

The way of a reply: ``sender`` (or ``batch``) gets it, ``writer`` commits it, ``lookup`` reads it from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TypeVar

from python_models.llm.answers import Answer, evaluate
from python_models.llm.batch.run import answers_by_batch
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.interrupt import gentle_interrupts
from python_models.llm.lookup import Lookup
from python_models.llm.online import OnlineRun
from python_models.llm.progress import Progress
from python_models.llm.request import ChatRequest
from python_models.llm.session import Session
from python_models.settings import LlmSettings
from python_models.settings import cache_path as configured_cache_path

__all__ = ["Answer", "ask", "evaluate"]

T = TypeVar("T")


def ask(
    stage: str,
    work: Iterable[tuple[str, ChatRequest]],
    parse: Callable[[str], T],
    *,
    open_endpoint: Callable[[], AbstractContextManager[Endpoint]],
    cache_path: Path | None = None,
    settings: LlmSettings | None = None,
    max_attempts: int = 3,
    n_total: int | None = None,
    ask_failed_again: bool | None = None,
) -> Generator[Answer[T], None, None]:
    """Ask about every item of the work and yield one Answer per item, in the order in which they are ready.

    An unusable reply is asked for again as the next attempt, at most ``max_attempts`` new ones per run; attempts are
    numbered over all runs, and each has its own entry in the cache. So a later run asks again only for items that
    failed: those without a reply at the same attempt, those with unusable ones at the next.

    Args:
        stage: name for the progress line and the usage columns.
        work: pairs of an id and a request; read lazily, a few hundred ahead.
        parse: reads a reply; raises InvalidReply where it cannot be used.
        open_endpoint: opened on the first request that is not in the cache, so that a run from the cache needs
            neither server nor key.
        cache_path: the cache file, by default the configured one.
        settings: limits, by default those of the environment.
        max_attempts: new attempts per item and run.
        n_total: number of items, for the progress line.
        ask_failed_again: False replays what is in the cache: items with unusable replies stay failed. By default as
            the settings say.

    Raises:
        EndpointError: the endpoint cannot be used. Everything received is in the cache.
        UselessReplies: many items in a row failed alike for what the model wrote.
        ShardEnded: what is left is for other shards to ask. Everything received is in the cache.
        SpendingLimitReached, PriceError: the spending limit ends the run. Everything received is in the cache.
        CacheError: the cache file cannot be used.
    """
    if max_attempts < 1:
        raise ValueError(f"max_attempts must be at least 1, but it is {max_attempts}.")
    settings = settings or LlmSettings.from_environment()
    path = cache_path or configured_cache_path()
    asks_again = settings.ask_failed_again if ask_failed_again is None else ask_failed_again
    # From the same cache every shard has to come to the same table, or each would go on to pairs of its own.
    asks_again = asks_again and settings.shard is None

    def answers() -> Generator[Answer[T], None, None]:
        progress = Progress(stage, n_total)
        with ExitStack() as stack:
            stack.callback(progress.close)
            cache = stack.enter_context(ResponseCache(path))
            session = Session(stage, cache, settings, open_endpoint, progress, stack)
            stack.enter_context(gentle_interrupts(session))
            lookup = Lookup(cache, parse, asks_again, progress)
            if settings.use_batch:
                yield from answers_by_batch(work, lookup, session, max_attempts)
            else:
                yield from OnlineRun(lookup, session, max_attempts).answers(work)

    return answers()
