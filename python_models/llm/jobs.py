"""What passes between who asks and who sends: a job, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from python_models.llm.cache.rows import CachedReply
from python_models.llm.request import ChatRequest


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to be asked for; ``first_key`` is the key of the request's first attempt, ``is_again`` goes first."""

    key: str
    request: ChatRequest
    attempt: int
    first_key: str
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: a committed reply, or an error; ``fatal`` ends the run."""

    job: Job | None
    reply: CachedReply | None = None
    error: str | None = None
    fatal: BaseException | None = None
