"""The unit tests of the SQL models, on Spark."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_copy import ProjectCopy
from spark_project import SparkCommands, missing_for_spark

from python_models.settings import PROJECT_ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
    pytest.mark.xdist_group("spark_unit_tests"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """The project with its unit tests, and the gateway spark."""
    spark = {"TACOS_GATEWAY": "spark", "TACOS_SPARK_PARTITIONS": "1"}
    project = ProjectCopy(tmp_path_factory.mktemp("unit_tests"), spark)
    shutil.copytree(PROJECT_ROOT / "tests/sql", project.root / "tests/sql")
    return project


@pytest.fixture(scope="module")
def on_spark(project: ProjectCopy) -> Iterator[SparkCommands]:
    """What runs the unit tests."""
    commands = SparkCommands(project)
    yield commands
    commands.close()


def test_every_unit_test_passes_on_spark(on_spark: SparkCommands) -> None:
    printed = on_spark.run("unit-tests")
    n_tests = sum(len(re.findall(r"(?m)^test_", file.read_text(encoding="utf-8"))) for file in _files())
    assert re.search(rf"Ran `?{n_tests}`? Tests", printed), printed[-2000:]


def test_a_unit_test_that_fails_on_duckdb_fails_on_spark(project: ProjectCopy, on_spark: SparkCommands) -> None:
    file = project.root / "tests/sql/test_scores_0.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("score: 0", "score: 1"), encoding="utf-8")
    with pytest.raises(AssertionError, match="FAIL"):
        on_spark.run("unit-tests", str(file))
    file.write_text(text, encoding="utf-8")


def _files() -> list[Path]:
    return sorted((PROJECT_ROOT / "tests/sql").glob("*.yaml"))
