"""A thousand judged pairs and an endpoint for whoever has a share of them judged again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from sqlmesh.core.engine_adapter import create_engine_adapter

N_PAIRS = 1_000


@pytest.fixture
def two_rounds() -> Iterator[duckdb.DuckDBPyConnection]:
    """Pairs of neighbours, every fourth of round 2, and their samples."""
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE pairs AS SELECT MD5(i::TEXT) AS pair_id, 1 + (i % 4 = 0)::INT AS judging_round, "
            f"i::TEXT AS first_sample_id, (i + 1)::TEXT AS second_sample_id FROM RANGE({N_PAIRS}) AS numbers(i);"
            f"CREATE TABLE samples AS SELECT i::TEXT AS sample_id, 'Do ' || i AS instruction, 'Done' AS response, "
            f"NULL AS system_prompt FROM RANGE({N_PAIRS + 1}) AS numbers(i)"
        )
        yield connection


@pytest.fixture
def judge_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    """A judge who always prefers the first, and a cache of its own."""
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    with FakeEndpoint(Behaviour(judge=lambda prompt: (90, 15))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


def context_of(connection: duckdb.DuckDBPyConnection) -> Any:
    """What a model is given, over tables without schemas."""
    return SimpleNamespace(
        engine_adapter=create_engine_adapter(connection.cursor, "duckdb"),
        resolve_table=lambda name: name.partition(".")[2],
        fetchdf=lambda query: connection.sql(query.sql("duckdb")).df(),
    )
