"""Errors that stop a run. Everything received before stays in the cache; the message says what to do."""

from __future__ import annotations

from python_models.terminal import UserError


class LlmError(UserError, RuntimeError):
    """Something about the model, its endpoint or the cache that a user can mend."""


class EndpointError(LlmError):
    """The endpoint cannot be used at all (wrong key, unknown model, nothing listens): says the URL and what to set."""


class CacheError(LlmError):
    """The cache file cannot be used (another version, no SQLite file, full disk): says the path and what to do."""


class UselessReplies(LlmError):  # noqa: N818 - a stop before more is paid in vain
    """Many replies in a row could not be used; says what to set."""


class SpendingLimitReached(LlmError):  # noqa: N818 - a stop that was asked for
    """The next request could pass ``TACOS_MAX_COST_USD``; what was paid for is kept."""


class ShardEnded(LlmError):  # noqa: N818 - a stop that was asked for
    """This process has asked what is its own; the rest is to come from the caches of the other shards."""


class PriceError(LlmError):
    """A spending limit is set, but what a request could cost is not known."""
