"""SQLMesh's state in Postgres: the settings lead to a real server, and the whole project's state fits into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_postgres import PASSWORD, local_postgres, missing_for_postgres
from spark_project import missing_for_spark
from sqlmesh import Context
from sqlmesh.core.config.loader import load_configs

from python_models.settings import PROJECT_ROOT

MISSING = missing_for_spark() or missing_for_postgres()
pytestmark = [pytest.mark.spark, pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]


def test_the_projects_state_fits_into_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the gateway spark the state's connection, without a session: every model, its intervals, the environment."""
    monkeypatch.setenv("TACOS_DATABASE", str(tmp_path / "warehouse.duckdb"))
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    with local_postgres() as url:
        monkeypatch.setenv("TACOS_STATE_URL", url)
        monkeypatch.setenv("TACOS_GATEWAY", "spark")
        config = load_configs(None, Context.CONFIG_TYPE, [PROJECT_ROOT])[PROJECT_ROOT]
        state = config.gateways["spark"].state_connection
        assert (state.type_, state.host, state.password) == ("postgres", "127.0.0.1", PASSWORD)
        del config.gateways["spark"]
        config.default_gateway = "local"
        config.gateways["local"].state_connection = state
        context = Context(paths=str(PROJECT_ROOT), config=config)
        context.plan("empty", no_prompts=True, auto_apply=True, skip_tests=True, empty_backfill=True)
        context.close()
        again = Context(paths=str(PROJECT_ROOT), config=config)
        environment = again.state_reader.get_environment("empty")
        assert environment is not None
        assert len(again.state_reader.get_snapshots(environment.snapshots)) == len(again.models) > 80
        found = again.state_sync.state_sync.engine_adapter.fetchone("SELECT COUNT(*) FROM sqlmesh._intervals")
        assert found is not None
        assert found[0] > 50
        again.close()
