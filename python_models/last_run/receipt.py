"""The receipt of the last whole run: there once all of production was made at one go, gone when anything runs."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from python_models.last_run.inputs import Query, content_digest, read_inputs
from python_models.last_run.results import is_whole, read_results
from python_models.settings import database_path
from python_models.terminal import UserError
from python_models.whole_file import whole_file

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """What was there when the reader of the dataset was about to run: what changes after that is new."""

    dataset: str
    models: list[str]
    inputs: dict[str, str]
    snapshots: str
    since_ms: int


_start: Start | None = None
_is_unchanged = False


def receipt_path() -> Path:
    """Beside the warehouse: ``warehouse.duckdb.last_run.json``."""
    return database_path().with_name(f"{database_path().name}.last_run.json")


def is_new(query: Query, dataset: str, models: list[str], snapshots: str) -> bool:
    """Whether a run would read anything that the last whole run did not; to be asked before the dataset is read.

    Args:
        query: of the warehouse.
        dataset, models: as in ``read_inputs``.
        snapshots: which versions of the models are about to run, in any words that tell them apart.
    """
    global _start, _is_unchanged
    since_ms, snapshots = int(time.time() * 1000), sha256(snapshots.encode()).hexdigest()
    _start, _is_unchanged = None, changes(query, snapshots) == []
    if not _is_unchanged:
        with suppress(UserError, OSError):  # the run will say it
            _start = Start(dataset, models, read_inputs(query, dataset, models), snapshots, since_ms)
    return not _is_unchanged


def changes(query: Query, snapshots: str | None = None) -> list[str] | None:
    """What is not as the last whole run read and left it, in words; None where no run is known to have been whole.

    Args:
        query: of the warehouse.
        snapshots: digest of what ``is_new`` is given; None where the project is not loaded, and the digest of its files
            speaks for it.
    """
    try:
        receipt = _read()
        if snapshots not in (None, receipt["snapshots"]):
            return ["the models"]
        kept, found = (
            receipt["digests"],
            read_inputs(query, receipt["dataset"], receipt["models"]) | read_results(query),
        )
        return sorted(what for what in kept.keys() | found if kept.get(what) != found.get(what))
    except Exception:  # whatever is wrong, the run that follows finds it out and says it
        return None


def begin() -> None:
    """Forget the last run, unless nothing is new: what is executed now may be left half done."""
    global _is_unchanged
    if not _is_unchanged:
        receipt_path().unlink(missing_ok=True)
    _is_unchanged = False


def end(query: Query) -> None:
    """Keep what was read and left, if all of production was made since the dataset was read; else nothing is kept."""
    try:
        if _start is None or not is_whole(query, _start.since_ms):
            return
        receipt: dict[str, Any] = {"dataset": _start.dataset, "models": _start.models, "snapshots": _start.snapshots}
        receipt["digests"] = _start.inputs | read_results(query)
    except Exception:  # SQLMesh's state may be elsewhere: then every run is made, and this one did not fail
        _LOG.info("The run is not noted.", exc_info=True)
        return
    _write(receipt)


def note_made(file: Path) -> None:
    """Keep what was made of the tables besides them, as long as the tables stay."""
    if receipt_path().exists():
        _write(_read() | {"made": {str(file): content_digest(file)}})


def is_as_made(file: Path) -> bool:
    """Whether the file is as it was made of the tables as they are."""
    try:
        return bool(_read()["made"][str(file)] == content_digest(file))
    except (OSError, ValueError, KeyError):
        return False


def _read() -> dict[str, Any]:
    return dict(json.loads(receipt_path().read_text(encoding="utf-8")))


def _write(receipt: dict[str, Any]) -> None:
    with suppress(OSError), whole_file(receipt_path()) as path:  # without one, the next run does everything again
        path.write_text(json.dumps(receipt, indent=2), encoding="utf-8")
