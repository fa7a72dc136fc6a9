"""How a process loads the project and plans it: without what takes longer than it saves."""

from __future__ import annotations

import gc
import os

from python_models.settings import PROJECT_ROOT

OBJECTS_BETWEEN_SEARCHES = 100_000
"""SQLMesh makes a million small objects that live to the end; to look for garbage after every 700 of them, as Python
does, is a quarter of loading."""


def load_lightly() -> None:
    """Look for garbage rarely, and read optimized queries in this process where SQLMesh has them on the disk.

    SQLMesh starts processes that optimize queries; where there is nothing to optimize, to send every model there and
    back is more work than to read its query. ``MAX_FORK_WORKERS``, which is SQLMesh's own setting, wins.
    """
    if gc.get_threshold()[0] < OBJECTS_BETWEEN_SEARCHES:
        gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 20, 20)
    queries = PROJECT_ROOT / ".cache" / "optimized_query"
    if "MAX_FORK_WORKERS" not in os.environ and queries.is_dir() and any(queries.iterdir()):
        from sqlmesh.core import constants

        constants.MAX_FORK_WORKERS = 1
