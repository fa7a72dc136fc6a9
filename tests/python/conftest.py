"""What several test files share: a scratch environment for the project, and which tests there are."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlmesh import Context

from python_models.settings import PROJECT_ROOT

os.environ["PYTHON_DOTENV_DISABLED"] = "1"  # tests have settings of their own, whatever .env says

REAL_DATA = PROJECT_ROOT.parent / "shared" / "data"
# Extras on third-party files, which are no part of the project: where these do not lie beside it, the tests do not
# exist. All others run in a plain clone.
collect_ignore = [] if REAL_DATA.is_dir() else ["test_real_data.py"]


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
