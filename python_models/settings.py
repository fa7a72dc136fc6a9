"""Operational settings: how the work is done, never what comes out. Read from the environment, in this place only.

Settings that change results are SQLMesh variables (config.yaml), because they belong to a model's fingerprint; these
do not, so that a different concurrency rebuilds nothing. Secrets are read here at call time and are never stored.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]


class SettingError(ValueError):
    """A setting cannot be understood: the message names it, what was wanted and what was given."""


def _number(name: str, default: float | None, minimum: float, whole: bool = False) -> float | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not minimum <= value < float("inf") or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise SettingError(f"{name} must be {kind} of at least {minimum:g}, but it is {text!r}.")
    return value


@dataclass(frozen=True)
class LlmSettings:
    """Limits on how an endpoint is called.

    Attributes:
        max_concurrency: calls in flight at once.
        requests_per_minute, tokens_per_minute: rate limits, None for none.
        request_timeout_s: seconds after which one request is given up and retried.
        max_retries: how often a transient failure (429, 5xx, timeout, dropped connection) is tried again.
        max_cost_usd: spending limit of one cache file in US dollars, None for none.
        use_batch: send what is not cached through the batch API.
        ask_failed_again: ask again for items whose replies so far were all unusable; False replays them as failed.
    """

    max_concurrency: int = 32
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    request_timeout_s: float = 120.0
    max_retries: int = 6
    max_cost_usd: float | None = None
    use_batch: bool = False
    ask_failed_again: bool = True

    @classmethod
    def from_environment(cls) -> LlmSettings:
        """Read the ``TACOS_*`` limits; SettingError names the one that cannot be read."""
        return cls(
            max_concurrency=int(_number("TACOS_MAX_CONCURRENCY", 32, 1, whole=True) or 32),
            requests_per_minute=_number("TACOS_REQUESTS_PER_MINUTE", None, 0.001),
            tokens_per_minute=_number("TACOS_TOKENS_PER_MINUTE", None, 1),
            request_timeout_s=_number("TACOS_REQUEST_TIMEOUT_S", 120.0, 0.001) or 120.0,
            max_retries=int(_number("TACOS_MAX_RETRIES", 6, 0, whole=True) or 0),
            max_cost_usd=_number("TACOS_MAX_COST_USD", None, 0.0),
            use_batch=os.environ.get("TACOS_USE_BATCH", "").strip().lower() in {"1", "true", "yes"},
            ask_failed_again=os.environ.get("TACOS_ASK_FAILED_AGAIN", "1").strip().lower() not in {"0", "false", "no"},
        )


def cache_path() -> Path:
    """Where paid replies are kept: ``TACOS_CACHE``, else ``.tacos/cache.sqlite`` under the project root (absolute)."""
    given = os.environ.get("TACOS_CACHE", "").strip()
    path = Path(given).expanduser() if given else Path(".tacos/cache.sqlite")
    return path if path.is_absolute() else (PROJECT_ROOT / path).resolve()


def staging_dir() -> Path:
    """Folder for Parquet files on their way into the warehouse, emptied after use: beside the cache, or in the
    system's folder for such files where the cache lies on a read-only medium."""
    path = cache_path().parent / "staging"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        if not cache_path().exists():
            raise
        path = Path(tempfile.gettempdir()) / f"tacos-staging-{os.getuid()}"
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def local_model_override() -> Path | None:
    """Path of the GGUF file to use instead of the packaged language model: ``TACOS_LOCAL_MODEL``, None if not set."""
    given = os.environ.get("TACOS_LOCAL_MODEL", "").strip()
    return Path(given).expanduser().resolve() if given else None


def usable_cores() -> int:
    """Number of cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
