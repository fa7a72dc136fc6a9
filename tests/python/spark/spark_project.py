"""The project in two scratch folders, one on DuckDB and one on Spark, with the same dataset and the same replies."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import spark_commands
from fake_endpoint import FakeEndpoint
from project_copy import ProjectCopy


class SparkCommands:
    """A process that runs the commands of a project on Spark, one after another: Spark starts and warms up once.

    Args:
        project: the project, whose gateway is Spark.
    """

    def __init__(self, project: ProjectCopy) -> None:
        # Nothing here has to outlive the machine, so that the metastore need not wait for the disk.
        project.environment["JAVA_TOOL_OPTIONS"] = "-Dderby.system.durability=test"
        self._process = project.start_python(Path(spark_commands.__file__), stdin=subprocess.PIPE)

    def run(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed; fails the test where it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(spark_commands.END):
                assert line.split()[-1] == "0", "".join(printed)
                return "".join(printed)
            printed.append(line)
        raise AssertionError("The process ended: " + "".join(printed))

    def close(self) -> None:
        """End the process, and Spark with it."""
        self._process.communicate(timeout=60)


class Engines:
    """The project in two scratch folders, one on DuckDB and one on Spark.

    Args:
        folder: where they are made.
        server: what answers for the models; Spark's project may ask it nothing.

    Attributes:
        duck, spark: the two projects.
        on_spark: what runs commands of the second.
    """

    def __init__(self, folder: Path, server: FakeEndpoint) -> None:
        models = {"TACOS_TAGGING_MODEL": "gpt-6-luna", "TACOS_JUDGE_MODEL": "gpt-6-luna"}
        models |= {"TACOS_FINAL_JUDGE_MODEL": "gpt-6.1-terra", "OPENAI_API_KEY": "none"}
        self.folder = folder
        (folder / "duck").mkdir()
        (folder / "spark").mkdir()
        self.duck = ProjectCopy(folder / "duck", models | {"OPENAI_BASE_URL": server.base_url})
        same_data = {"TACOS_DATASET": str(self.duck.dataset), "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
        spark = {"TACOS_GATEWAY": "spark", "TACOS_SPARK_PARTITIONS": "1"}
        self.spark = ProjectCopy(folder / "spark", models | same_data | spark)
        self.on_spark = SparkCommands(self.spark)

    def write(self, records: list[dict[str, object]]) -> None:
        """Replace the dataset."""
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        self.duck.dataset.write_text("".join(lines), encoding="utf-8")

    def run(self) -> str:
        """``tacos run`` on DuckDB, then on Spark with the replies that it got; returns what Spark's run printed."""
        self.duck.run("run", module="python_models.cli")
        shutil.copy(self.duck.cache, self.spark.cache)
        return self.on_spark.run("run")

    def export_spark(self) -> Path:
        """Spark's tables, in a DuckDB file under their names."""
        target = self.folder / f"spark-{len(list(self.folder.iterdir()))}"
        self.on_spark.run("export-tables", str(target))
        path = target / "spark.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal")
            for table in target.glob("tacos*.*"):
                connection.execute(f"CREATE TABLE {table.name} AS SELECT * FROM read_parquet('{table}/*.parquet')")
        return path


def missing_for_spark() -> str | None:
    """Why Spark cannot be started here; None if it can."""
    import importlib.util

    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (requirements/spark.txt)"
    if shutil.which("java") is None:
        return "there is no Java"
    try:
        subprocess.run(["java", "-version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "Java does not start"
    return None
