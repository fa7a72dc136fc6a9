"""What several test files share: a scratch environment for the project, and which tests there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodeid import coerce_node_id
from built_project import built_endpoint, built_folder, built_project
from fake_endpoint import FakeEndpoint
from kept_samples import Exported, make_warehouse, write_lines
from pairs_of_two_rounds import judge_endpoint, two_rounds
from sqlmesh import Context

from python_models.cli import main
from python_models.llm.endpoint import retries
from python_models.llm.endpoint.dialect import forget_dialects
from python_models.settings import PROJECT_ROOT

# Fixtures of all files.
__all__ = ["built_endpoint", "built_folder", "built_project", "judge_endpoint", "two_rounds"]

os.environ["PYTHON_DOTENV_DISABLED"] = "1"  # tests have settings of their own, whatever .env says

REAL_DATA = PROJECT_ROOT.parent / "shared" / "data"
# Extras on third-party files, which are no part of the project: where these do not lie beside it, the tests do not
# exist. All others run in a plain clone.
collect_ignore = [] if REAL_DATA.is_dir() else ["test_real_data.py"]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Leave the tests of a group to one worker, and make all that load the whole project one group.

    Loading it takes longer than most of its tests. pytest-xdist finds a group at the end of a test's id, but writes it
    where pytest 9.2 no longer reads the id from: so it is written here.
    """
    for item in items:
        fixtures = getattr(item, "_fixtureinfo", None)
        for fixture in fixtures.name2fixturedefs.get("project", ())[-1:] if fixtures else ():
            if fixture.scope == "session" and not any(item.iter_markers("xdist_group")):
                item.add_marker(pytest.mark.xdist_group("project"))
    yield
    for item in items if config.getoption("loadgroup", False) else ():
        groups = "_".join(sorted({mark.args[0] for mark in item.iter_markers("xdist_group")}))
        if groups and not item.nodeid.endswith(f"@{groups}"):
            item._id = coerce_node_id(f"{item.nodeid}@{groups}")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """The loaded SQLMesh project over an empty scratch database."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("project")
        patch.setenv("TACOS_DATABASE", str(folder / "warehouse.duckdb"))
        patch.setenv("TACOS_CACHE", str(folder / "cache.sqlite"))
        context = Context(paths=str(PROJECT_ROOT))
        yield context
        context.close()


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    """An endpoint on loopback, of one test."""
    with FakeEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def fresh_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing learned about an earlier server, and short pauses between tries."""
    forget_dialects()
    monkeypatch.setattr(retries, "FIRST_BACKOFF_S", 0.01)


@pytest.fixture
def exported(project: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exported:
    """Keeps records and exports them: the file, or the code that the command ended with if it is another than 0."""

    def export(records: list[Any], *options: str, name: str = "kept.jsonl", mapping: str = "", code: int = 0) -> Path:
        warehouse = tmp_path / "warehouse.duckdb"
        monkeypatch.setenv("TACOS_DATABASE", str(warehouse))
        if not warehouse.exists():
            make_warehouse(project, warehouse, write_lines(tmp_path / "dataset.jsonl", records), mapping)
        (tmp_path / "out").mkdir(exist_ok=True)
        assert main(["export", str(tmp_path / "out" / name), *options]) == code
        return tmp_path / "out" / name

    return export
