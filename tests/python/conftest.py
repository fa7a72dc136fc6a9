"""What several test files share: a scratch environment for the project, and the real data beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmesh import Context

from python_models.settings import PROJECT_ROOT

os.environ["PYTHON_DOTENV_DISABLED"] = "1"  # tests have settings of their own, whatever .env says

SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real third-party data that is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real datasets (../shared/data) are not on this machine")
    return SHARED_DATA


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
