"""In a process with the gateway spark: every view of production as Parquet files, a folder each."""

from __future__ import annotations

import sys
from pathlib import Path

from sqlmesh.core.config.loader import load_configs
from sqlmesh.core.context import Context

from python_models.engine_connection import EngineConnection


def main() -> None:
    """Write the views of ``tacos`` and ``tacos_internal`` to the folder that the first argument names."""
    config = load_configs(None, Context.CONFIG_TYPE, [Path.cwd()])[Path.cwd()]
    adapter = config.get_connection(config.default_gateway_name).create_engine_adapter()
    for schema, name in EngineConnection(adapter).relations():
        if schema in ("tacos", "tacos_internal"):
            adapter.spark.table(f"{schema}.{name}").write.parquet(f"{sys.argv[1]}/{schema}.{name}")


if __name__ == "__main__":
    main()
