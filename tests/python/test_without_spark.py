"""Who does not ask for Spark needs none of it: nothing is imported, nothing is started."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlglot
from sqlglot.expressions import to_table

from python_models.engine_connection import relations, with_parameters
from python_models.portable import mean_sql, millionths_sql, rounded_sql
from python_models.settings import PROJECT_ROOT
from python_models.spark import drop_days, keep_inner_steps, once_condition

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


@pytest.mark.long
# An empty one is the local one.
@pytest.mark.parametrize("gateway", ["", pytest.param("openai", marks=pytest.mark.slow)])
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


class Partitions:
    """An engine that has a table of some days."""

    def __init__(self, *days: str) -> None:
        self.days = days

    def table_exists(self, table: object) -> bool:
        return bool(self.days)

    def fetchall(self, query: str) -> list[tuple[str]]:
        assert query == "SHOW PARTITIONS `tacos`.`t`"
        return [(f"day={day}",) for day in self.days]


def test_the_days_to_be_written_are_dropped_and_no_others() -> None:
    """Else Spark would keep the rows of a day that has none any more."""
    table, first, last = to_table("tacos.t"), date(2026, 1, 2), date(2026, 1, 3)
    four = Partitions("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    assert drop_days(four, table, "day", first, last) == (
        "ALTER TABLE `tacos`.`t` DROP IF EXISTS PARTITION (day = '2026-01-02'), PARTITION (day = '2026-01-03')"
    )
    assert drop_days(Partitions("2026-01-01"), table, "day", first, last) is None
    assert drop_days(Partitions(), table, "day", first, last) is None


def test_the_same_number_comes_out_of_any_order_and_engine() -> None:
    """Halves go up, and a mean is of an exact sum."""
    import duckdb

    values = "(VALUES (-0.0078125), (0.0078125), (2.5e-7)) AS t(x)"
    with duckdb.connect() as connection:
        rounded = connection.execute(f"SELECT {rounded_sql('x', 6)} FROM {values}").fetchall()
        exact = connection.execute(f"SELECT {millionths_sql('x')} FROM {values}").fetchall()
        (mean,) = connection.execute(f"SELECT {mean_sql('x')} FROM (VALUES (1), (2), (4), (NULL)) AS t(x)").fetchone()
    assert [value for (value,) in rounded] == [-0.007812, 0.007813, 0.0]
    assert [str(value) for (value,) in exact] == ["-0.007812", "0.007813", "0.000000"]
    assert mean == 7 / 3


def test_steps_of_the_same_name_in_two_inner_queries_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlglot.generators.spark import SparkGenerator

    names = "EXPRESSIONS_WITHOUT_NESTED_CTES"
    monkeypatch.setattr(SparkGenerator, names, getattr(SparkGenerator, names))  # is put back after the test
    inner = "(WITH a AS (SELECT {} AS x) SELECT x FROM a) AS "
    query = f"INSERT INTO t SELECT b.x FROM {inner.format(1)}b CROSS JOIN {inner.format(2)}c"
    assert sqlglot.transpile(query, read="duckdb", write="spark")[0].count("WITH") == 1  # with two steps a
    keep_inner_steps()
    assert sqlglot.transpile(query, read="duckdb", write="spark")[0].count("WITH") == 2


def test_what_spark_computes_once_is_no_condition_on_duckdb() -> None:
    assert once_condition(None).sql(dialect="duckdb") == "TRUE"
    assert once_condition(SimpleNamespace(dialect="duckdb")).sql(dialect="duckdb") == "TRUE"
    assert once_condition(SimpleNamespace(dialect="spark")).sql(dialect="spark") == "RAND() >= 0"
