"""Tests that share what takes long to make are run by one worker."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("of two words")
@pytest.mark.parametrize("number", [1, 2])
def test_the_group_stands_where_the_scheduler_looks_for_it(
    request: pytest.FixtureRequest, worker_id: str, number: int
) -> None:
    is_grouped = worker_id != "master" and request.config.getoption("loadgroup")
    assert request.node.nodeid.endswith("]@of two words" if is_grouped else f"[{number}]")
