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


# They fail for what the comparison and the test do, not for what the model does: decimals, which Spark hands over as
# such, are compared with floats, and the input of the last one is a query that only DuckDB understands.
NOT_FOR_SPARK = {
    "test_comparisons_1_a_score_weighs_as_often_as_it_was_given",
    "test_comparisons_1_values_are_logits_of_mid_ranks_freed_from_position_bias",
    "test_score_values_1_are_logits_of_mid_ranks",
    "test_score_values_1_are_ranks_among_the_scores_of_one_judge",
    "test_score_values_1_weigh_as_often_as_given",
    "test_valued_judgments_1_give_each_score_its_value",
    "test_tag_merges_follows_long_chains",
}


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


def test_the_unit_tests_pass_on_spark(on_spark: SparkCommands) -> None:
    printed = on_spark.run("unit-tests")
    n_tests = sum(len(re.findall(r"(?m)^test_", file.read_text(encoding="utf-8"))) for file in _files())
    assert f"{n_tests} tests were run" in printed
    assert _failed(printed) == NOT_FOR_SPARK


def test_a_unit_test_that_fails_on_duckdb_fails_on_spark(project: ProjectCopy, on_spark: SparkCommands) -> None:
    file = project.root / "tests/sql/test_scores_0.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("score: 0", "score: 1"), encoding="utf-8")
    assert _failed(on_spark.run("unit-tests", str(file))) == {"test_scores_0_are_the_candidates"}
    file.write_text(text, encoding="utf-8")


def _failed(printed: str) -> set[str]:
    return set(re.findall(r"(?m)^FAILED (\w+)", printed))


def _files() -> list[Path]:
    return sorted((PROJECT_ROOT / "tests/sql").glob("*.yaml"))
