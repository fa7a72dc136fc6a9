"""A copy of the project in a scratch folder, driven as a user does: by its commands, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from python_models.llm.cache.response_cache import ResponseCache
from python_models.settings import PROJECT_ROOT

OPTIMIZED = Path(".cache/optimized_query")
FILES = ("config.yaml", "external_models.yaml")
PARTS = (*FILES, "models", "macros", "audits", "signals", "seeds", "prompts", "python_models")
PLAN = ("plan", "--auto-apply", "--no-prompts", "--run", "--ignore-cron")


@dataclass
class ProjectCopy:
    """The project in ``root``, with a warehouse, a cache and a dataset of its own.

    Attributes:
        root: the scratch folder.
        environment: environment variables beside those of every process.
        has_coherence: whether the instructions are embedded too, for which a process loads the embedder.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    has_coherence: bool = False

    def __post_init__(self) -> None:
        for part in PARTS:
            source = PROJECT_ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.root / part)
        # Optimized queries are found by their content, so that those of the project itself do here too.
        with suppress(OSError):  # there are none yet, or another process has just replaced one
            shutil.copytree(PROJECT_ROOT / OPTIMIZED, self.root / OPTIMIZED)
        if not self.has_coherence:
            config = self.root / "config.yaml"
            text, n = re.subn(r"(coherence_sample_size:) \d+", r"\1 0", config.read_text(encoding="utf-8"))
            assert n == 1
            config.write_text(text, encoding="utf-8")

    @classmethod
    def opened(cls, root: Path, environment: dict[str, str]) -> ProjectCopy:
        """A copy that is there already, as it is."""
        project = cls.__new__(cls)
        project.root, project.environment = root, environment
        return project

    def copied_to(self, root: Path) -> ProjectCopy:
        """A copy of this copy with its warehouse and cache, on the same dataset: its path is a variable of models."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("logs"))
        return self.opened(root, {"TACOS_DATASET": str(self.dataset)} | self.environment)

    def variables(self) -> dict[str, str]:
        """The environment variables of its processes, beside those of the machine."""
        return {
            "TACOS_DATABASE": str(self.root / "warehouse.duckdb"),
            "TACOS_CACHE": str(self.cache),
            "TACOS_DATASET": str(self.dataset),
        } | self.environment

    @property
    def dataset(self) -> Path:
        return self.root / "dataset.jsonl"

    @property
    def cache(self) -> Path:
        return self.root / "cache.sqlite"

    def write_samples(self, samples: list[tuple[str, str]]) -> None:
        """Append Alpaca records to the dataset."""
        with self.dataset.open("a", encoding="utf-8") as lines:
            for instruction, output in samples:
                lines.write(json.dumps({"instruction": instruction, "output": output}) + "\n")

    def start(self, *arguments: str, module: str = "sqlmesh") -> subprocess.Popen[str]:
        """Start ``sqlmesh`` (or another module's ``main``) in the folder."""
        main = "sqlmesh.cli.main:cli" if module == "sqlmesh" else f"{module}:main"
        package, function = main.split(":")
        # SQLMesh makes millions of small objects that live to the end: looking for garbage less often saves a tenth.
        code = (
            "import gc, sys; gc.set_threshold(100_000, 20, 20); "
            f"from {package} import {function} as main; sys.argv[0] = 'command'; sys.exit(main())"
        )
        return self._start("-c", code, *arguments)

    def start_python(self, script: Path, stdin: int | None = None) -> subprocess.Popen[str]:
        """Start a script with the project's settings, in its folder."""
        return self._start(str(script), stdin=stdin)

    def _start(self, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TACOS_", "OPENAI_"))}
        environment |= {"PYTHONPATH": str(self.root), "COLUMNS": "200"} | self.variables()
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, module: str = "sqlmesh", expect_failure: bool = False) -> str:
        """Run a command to its end and return what it printed; fails the test where it fails (or does not)."""
        process = self.start(*arguments, module=module)
        output, _ = process.communicate(timeout=900)
        assert (process.returncode != 0) == expect_failure, output
        return output

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse."""
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def n_calls(self, stage: str) -> int:
        """Replies of a stage that were paid for, from the cache."""
        with ResponseCache(self.cache, read_only=True) as cache:
            return sum(usage.n_calls for usage in cache.usage() if usage.stage == stage)
