"""A process that loads the project leaves out what takes longer than it saves, and only there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmesh.core import constants

from python_models import loading, variables
from python_models.variables import configured_variables


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(loading, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(constants, "MAX_FORK_WORKERS", 2)
    monkeypatch.delenv("MAX_FORK_WORKERS", raising=False)
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


def _optimized_query(root: Path) -> None:
    folder = root / ".cache" / "optimized_query"
    folder.mkdir(parents=True)
    (folder / "a_query").touch()


def test_queries_that_are_optimized_already_are_read_in_this_process(tmp_path: Path) -> None:
    _optimized_query(tmp_path)
    loading.load_lightly()
    assert constants.MAX_FORK_WORKERS == 1


def test_where_every_query_is_to_be_optimized_several_processes_do_it() -> None:
    loading.load_lightly()
    assert constants.MAX_FORK_WORKERS == 2


def test_a_number_of_processes_that_was_asked_for_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FORK_WORKERS", "2")
    _optimized_query(tmp_path)
    loading.load_lightly()
    assert constants.MAX_FORK_WORKERS == 2


@pytest.mark.parametrize(("before", "after"), [(700, 100_000), (500_000, 500_000)])
def test_garbage_is_looked_for_rarely_and_never_oftener_than_before(before: int, after: int) -> None:
    gc.set_threshold(before, 10, 10)
    loading.load_lightly()
    assert gc.get_threshold()[0] == after


def test_the_variables_are_read_once_until_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a caller that changes its own leaves those of the next one as they are."""
    configured_variables()
    read = variables._variables.cache_info().misses
    configured_variables()["dataset"] = "mine"
    assert configured_variables()["dataset"] != "mine"
    assert variables._variables.cache_info().misses == read
    monkeypatch.setenv("TACOS_DATASET", "theirs.jsonl")
    assert configured_variables()["dataset"] == "theirs.jsonl"
