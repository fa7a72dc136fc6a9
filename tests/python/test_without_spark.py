"""Who does not ask for Spark needs none of it: nothing is imported, nothing is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from python_models.engine_connection import relations, with_parameters
from python_models.settings import PROJECT_ROOT

LOAD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyspark", "py4j", "psycopg2"):
            raise AssertionError(f"{name} is imported")
sys.meta_path.insert(0, Refuse())
from sqlmesh import Context
context = Context(paths=".")
assert set(context.config.gateways) == {"local", "openai"}, context.config.gateways
import python_models.cli, python_models.staging, python_models.cli.warehouse
print(len(context.models), "models")
"""


@pytest.mark.parametrize("gateway", ["", "local", "openai"])
def test_nothing_of_spark_is_imported(tmp_path: Path, gateway: str) -> None:
    environment = {"TACOS_DATABASE": str(tmp_path / "w.duckdb"), "TACOS_CACHE": str(tmp_path / "c.sqlite")}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=PROJECT_ROOT,
        env=environment | {"TACOS_GATEWAY": gateway, "PYTHON_DOTENV_DISABLED": "1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "models" in done.stdout


def test_parameters_take_their_places() -> None:
    query = "SELECT ? AS a, '?' AS x FROM t WHERE y = ? AND z IN (SELECT UNNEST(?)) LIMIT ?"
    filled = with_parameters(query, [1, "it's", ["b", "c"], 5]).sql(dialect="duckdb")
    assert filled == "SELECT 1 AS a, '?' AS x FROM t WHERE y = 'it''s' AND z IN (SELECT UNNEST(['b', 'c'])) LIMIT 5"
    again = with_parameters("SELECT $2, $1, $2", ["one", "two"])
    assert again.sql(dialect="duckdb") == "SELECT 'two', 'one', 'two'"


def test_relations_of_duckdb() -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE VIEW tacos.one AS SELECT 1 AS x")
        assert ("tacos", "one") in relations(connection)
