"""Operational settings: how the work is done, never what comes out. Read from the environment, in this place only.

Settings that change results are SQLMesh variables (config.yaml), because they belong to a model's fingerprint; these
do not, so that a different concurrency rebuilds nothing. Secrets are read here at call time and are never stored.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from python_models.shard import Shard
from python_models.terminal import UserError

PROJECT_ROOT = Path(__file__).resolve().parents[1]

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


class SettingError(UserError, ValueError):
    """A setting cannot be understood: the message names it, what was wanted and what was given."""


def refuse_unknown_names() -> None:
    """Refuse a ``TACOS_*`` variable that nothing reads: a mistyped limit would be no limit.

    Raises:
        SettingError: names it, and the setting that may have been meant.
    """
    sources = (Path(__file__), PROJECT_ROOT / "config.yaml")
    known = {name for file in sources for name in re.findall(r"\bTACOS_[A-Z_]+\b", file.read_text(encoding="utf-8"))}
    for name in sorted(name for name in os.environ if name.startswith("TACOS_") and name not in known):
        near = get_close_matches(name, sorted(known), n=1)
        hint = f"Did you mean {near[0]}?" if near else "docs/reference.md lists the settings."
        raise SettingError(f"{name} is set, but there is no such setting. {hint}")


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


def _boolean(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if text.lower() not in _YES | _NO:
        raise SettingError(f"{name} must be 1 (true, yes, on) or 0 (false, no, off), but it is {text!r}.")
    return text.lower() in _YES


def _shard() -> Shard | None:
    text = os.environ.get("TACOS_SHARD", "").strip()
    if not text:
        return None
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise SettingError(f"TACOS_SHARD must be a shard and their number, such as 2/8, but {error}.") from None


@dataclass(frozen=True)
class LlmSettings:
    """Limits on how an endpoint is called.

    Attributes:
        max_concurrency: calls in flight at once.
        requests_per_minute, tokens_per_minute: rate limits, None for none.
        request_timeout_s: seconds after which one request is given up and retried.
        max_retries: how often a transient failure (429, 5xx, timeout, dropped connection) is tried again.
        max_cost_usd: spending limit of one cache file in US dollars, None for none.
        shard: the share of the requests that this process sends, None for all of them.
        use_batch: send what is not cached through the batch API.
        ask_failed_again: ask again for items whose replies so far were all unusable; False replays them as failed.
    """

    max_concurrency: int = 32
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    request_timeout_s: float = 120.0
    max_retries: int = 6
    max_cost_usd: float | None = None
    shard: Shard | None = None
    use_batch: bool = False
    ask_failed_again: bool = True

    @classmethod
    def from_environment(cls) -> LlmSettings:
        """Read the ``TACOS_*`` limits; SettingError has a line for each that cannot be read.

        The rates and the spending limit are those of the project: a shard gets its share of each.
        """
        readers: dict[str, Callable[[], Any]] = {
            "max_concurrency": lambda: int(_number("TACOS_MAX_CONCURRENCY", 32, 1, whole=True) or 32),
            "requests_per_minute": lambda: _number("TACOS_REQUESTS_PER_MINUTE", None, 0.001),
            "tokens_per_minute": lambda: _number("TACOS_TOKENS_PER_MINUTE", None, 1),
            "request_timeout_s": lambda: _number("TACOS_REQUEST_TIMEOUT_S", 120.0, 0.001),
            "max_retries": lambda: int(_number("TACOS_MAX_RETRIES", 6, 0, whole=True) or 0),
            "max_cost_usd": lambda: _number("TACOS_MAX_COST_USD", None, 0.0),
            "shard": _shard,
            "use_batch": lambda: _boolean("TACOS_USE_BATCH", False),
            "ask_failed_again": lambda: _boolean("TACOS_ASK_FAILED_AGAIN", True),
        }
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, read in readers.items():
            try:
                values[name] = read()
            except SettingError as error:
                problems.append(error.message)
        if problems:
            raise SettingError("\n".join(problems))
        shard: Shard | None = values["shard"]
        for name in ("requests_per_minute", "tokens_per_minute", "max_cost_usd"):
            if shard is not None and values[name] is not None:
                values[name] /= shard.count
        return cls(**values)


def reading_processes() -> int:
    """Processes that read a large dataset: ``TACOS_READING_PROCESSES``, else one per core that may be used."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(_number("TACOS_READING_PROCESSES", n_cores, 1, whole=True) or 1)


def project_path(given: str | Path) -> Path:
    """A path of a setting, absolute: relative ones start at the project's root, whatever the current folder is."""
    return PROJECT_ROOT / Path(given).expanduser()


def database_path() -> Path:
    """The DuckDB file: ``TACOS_DATABASE``, else ``warehouse.duckdb`` in the project's root (absolute)."""
    return project_path(os.environ.get("TACOS_DATABASE", "").strip() or "warehouse.duckdb")


def cache_path() -> Path:
    """Where paid replies are kept: ``TACOS_CACHE``, else ``.tacos/cache.sqlite`` in the project's root (absolute)."""
    return project_path(os.environ.get("TACOS_CACHE", "").strip() or ".tacos/cache.sqlite")


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


def shared_staging_url() -> str | None:
    """Where Spark's executors can read Parquet files on their way in: ``TACOS_STAGING``, None where they run here."""
    return os.environ.get("TACOS_STAGING", "").strip() or None


def uses_spark() -> bool:
    """Whether the tables are Spark's (``TACOS_GATEWAY``), not those of a DuckDB file."""
    return os.environ.get("TACOS_GATEWAY", "").strip() == "spark"


def make_spark_folder() -> None:
    """Make the folder of a local Spark (``TACOS_SPARK_FOLDER``, else ``.spark``), in which SQLMesh's state lies too."""
    project_path(os.environ.get("TACOS_SPARK_FOLDER", "").strip() or ".spark").mkdir(parents=True, exist_ok=True)


def local_model_override() -> Path | None:
    """Path of the GGUF file to use instead of the packaged language model: ``TACOS_LOCAL_MODEL``, None if not set."""
    given = os.environ.get("TACOS_LOCAL_MODEL", "").strip()
    return project_path(given) if given else None


def usable_cores() -> int:
    """Number of cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
