"""One project after its first run, which all tests of second runs share: each gets it as that run left it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint
from project_copy import ProjectCopy

from python_models.settings import PROJECT_ROOT

CLI = "python_models.cli"
SUMMARY = "What happened"
WAREHOUSE = ("warehouse.duckdb", "warehouse.duckdb.last_run.json")
TOPICS = ("bread", "planets", "verbs")
SAMPLES = [(f"Tell me {n} things about {topic}.", f"{topic}: " + "word " * n) for n in range(1, 9) for topic in TOPICS]
ONE_WORKER = pytest.mark.xdist_group("built project")
"""For every test that uses it: the first run takes as long as two tests."""


@pytest.fixture(scope="session")
def built_endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture(scope="session")
def built_folder(tmp_path_factory: pytest.TempPathFactory, built_endpoint: FakeEndpoint) -> Path:
    """A project after its first run."""
    folder = tmp_path_factory.mktemp("built")
    project = ProjectCopy(folder, settings_of(built_endpoint))
    project.write_samples(SAMPLES)
    assert SUMMARY in project.run("run", module=CLI)
    return folder


@pytest.fixture
def built_project(built_folder: Path, built_endpoint: FakeEndpoint) -> Iterator[ProjectCopy]:
    """The built project, as it was: the paths that its state holds stay true."""
    # The last replies are in the log beside the cache as long as nobody has merged them.
    names = (*WAREHOUSE, "cache.sqlite", "cache.sqlite-wal", "dataset.jsonl", "config.yaml")
    kept = {name: (built_folder / name).read_bytes() for name in names if (built_folder / name).exists()}
    written = (built_folder / "dataset.jsonl").stat()
    built_endpoint.behaviour.fault = None
    yield ProjectCopy.opened(built_folder, settings_of(built_endpoint))
    for left in ("warehouse.duckdb.wal", "cache.sqlite-wal", "cache.sqlite-shm"):
        (built_folder / left).unlink(missing_ok=True)
    for name, content in kept.items():
        (built_folder / name).write_bytes(content)
    os.utime(built_folder / "dataset.jsonl", ns=(written.st_atime_ns, written.st_mtime_ns))
    for folder in ("prompts", "seeds"):
        shutil.rmtree(built_folder / folder)
        shutil.copytree(PROJECT_ROOT / folder, built_folder / folder)


def settings_of(endpoint: FakeEndpoint) -> dict[str, str]:
    """What a project needs to ask the endpoint."""
    return {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "sk-of-no-worth"}
