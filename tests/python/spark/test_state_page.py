"""SQLMesh's state in Postgres as the page says it for the other gateways: a run, and nothing paid twice after it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint
from local_postgres import PASSWORD, USER, local_postgres, missing_for_postgres
from project_copy import ProjectCopy
from test_end_to_end_openai import endpoint, project, vectors

from python_models.settings import PROJECT_ROOT

__all__ = ["endpoint", "project", "vectors"]
MISSING = missing_for_postgres()
pytestmark = [pytest.mark.spark, pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]


def execute(port: str, database: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a statement on the server, if it has any."""
    import psycopg2

    connection = psycopg2.connect(host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname=database)
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_the_state_of_another_gateway_is_in_postgres(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    page = (PROJECT_ROOT / "docs/operate.md").read_text("utf-8")
    (snippet,) = re.findall(r"^```yaml\n(    state_connection:.*?)^```$", page, re.MULTILINE | re.DOTALL)
    config = project.root / "config.yaml"
    before, gateway, after = config.read_text("utf-8").partition("  openai:\n")
    connection, variables, after = after.partition("    variables:")
    with local_postgres() as url:
        port = url.rpartition(":")[2].partition("/")[0]
        execute(port, "postgres", "CREATE DATABASE sqlmesh_state")
        project.environment |= {"STATE_HOST": "127.0.0.1", "STATE_USER": USER, "STATE_PASSWORD": PASSWORD}
        snippet = snippet.replace("5432", port)
        config.write_text(before + gateway + connection + snippet + variables + after, encoding="utf-8")
        project.run("migrate")
        project.run("run", module="python_models.cli")
        n_paid, kept = endpoint.record.n_requests, project.query("SELECT * FROM tacos.selected ORDER BY selection_rank")
        assert n_paid > 0
        project.run("run", module="python_models.cli")
        assert endpoint.record.n_requests == n_paid
        assert project.query("SELECT * FROM tacos.selected ORDER BY selection_rank") == kept
        assert project.query("SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name = 'sqlmesh'") == [(0,)]
        assert execute(port, "sqlmesh_state", "SELECT COUNT(*) > 80 FROM sqlmesh._snapshots") == [(True,)]
