"""`sqlmesh evaluate` computes a whole table and shows a few rows of it: it must not pay for the whole table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint
from llm_helpers import run, tagging_work

from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import EndpointError


def evaluate_and_fetch(*arguments: Any) -> list[Any]:
    """What SQLMesh calls the function through which it evaluates a model."""
    return run(*arguments)


def test_nothing_is_sent_for_a_look_at_a_few_rows(tmp_path: Path) -> None:
    with FakeEndpoint() as server:
        with pytest.raises(EndpointError, match="nothing was sent"):
            evaluate_and_fetch(server, tmp_path, tagging_work(5))
        assert server.record.n_requests == 0
        run(server, tmp_path, tagging_work(5))
        assert len(evaluate_and_fetch(server, tmp_path, tagging_work(5))) == 5, "what is cached can be looked at"


def test_a_model_of_ones_own_may_be_looked_at(tmp_path: Path) -> None:
    with FakeEndpoint() as server:
        free = Endpoint((server.base_url,), "sk-x", is_free=True)
        assert len(evaluate_and_fetch(free, tmp_path, tagging_work(5))) == 5


def test_sqlmesh_still_calls_it_so() -> None:
    from sqlmesh.core.snapshot.evaluator import SnapshotEvaluator

    assert callable(SnapshotEvaluator.evaluate_and_fetch)
