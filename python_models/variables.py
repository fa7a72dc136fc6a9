"""The SQLMesh variables of this project as its models will see them, for code that runs before or beside a model."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from python_models.settings import PROJECT_ROOT, SettingError, project_path
from python_models.terminal import UserError


def configured_variables() -> dict[str, Any]:
    """The variables of config.yaml with those of the gateway (``SQLMESH_GATEWAY``, else ``TACOS_GATEWAY``), read now.

    Raises:
        SettingError: config.yaml cannot be read, or there is no such gateway.
    """
    files = [PROJECT_ROOT / "config.yaml", Path(os.environ.get("SQLMESH_DOTENV_PATH") or project_path(".env"))]
    contents = [file.read_bytes() if file.is_file() else None for file in files]
    return dict(_variables(*contents, frozenset(os.environ.items())))


@lru_cache(maxsize=1)
def _variables(*_read_from: object) -> dict[str, Any]:
    """What the files and the environment make of the variables: half a dozen readers ask while the project loads."""
    from sqlmesh.core.config.loader import load_configs
    from sqlmesh.core.context import Context
    from sqlmesh.utils.errors import SQLMeshError

    try:
        config = load_configs(None, Context.CONFIG_TYPE, [PROJECT_ROOT])[PROJECT_ROOT]
        name = os.environ.get("SQLMESH_GATEWAY") or config.default_gateway_name
        if name not in config.gateways:
            # The gateway spark is in config.yaml only where it is asked for.
            names = ", ".join(gateway for gateway in config.gateways if gateway != "spark")
            raise SettingError(f"TACOS_GATEWAY must be {names} or spark, but it is {name!r}.")
    except UserError:
        raise
    except (SQLMeshError, ValueError) as error:
        raise SettingError(f"config.yaml: {error}") from error
    return {**config.variables, **config.gateways[name].variables}
