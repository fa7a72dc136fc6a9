"""In a process with the gateway spark: commands in the order in which they come, so that one Spark serves them all.

A line of JSON is a command's arguments. Of its own it knows ``export-tables FOLDER`` and ``unit-tests FILE...``; all
others are those of ``tacos``. After what the command prints comes a line with ``END`` and its exit code.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from sqlmesh.core.config.loader import load_configs
from sqlmesh.core.context import Context

from python_models.cli import main
from python_models.engine_connection import EngineConnection

END = "-- end of the command, exit code"


def _config() -> Any:
    return load_configs(None, Context.CONFIG_TYPE, [Path.cwd()])[Path.cwd()]


def export_tables(folder: str) -> int:
    """Write the views of ``tacos`` and ``tacos_internal`` to Parquet files, a folder each."""
    config = _config()
    adapter = config.get_connection(config.default_gateway_name).create_engine_adapter()
    for schema, name in EngineConnection(adapter).relations():
        if schema in ("tacos", "tacos_internal"):
            adapter.spark.table(f"{schema}.{name}").write.parquet(f"{folder}/{schema}.{name}")
    return 0


def unit_tests(files: list[str]) -> int:
    """Run unit tests of SQL models on Spark and print the names of those that fail; 1 if there is none."""
    config = _config()
    gateway = config.gateways[config.default_gateway_name]
    gateway.test_connection = gateway.connection
    context = Context(paths=str(Path.cwd()), config=config)
    result = context.test(tests=files)
    context.close()
    for test, text in (*result.failures, *result.errors):
        print(f"FAILED {test}\n{text}")
    print(f"{result.testsRun} tests were run")
    return 0 if result.testsRun else 1


def run(arguments: list[str]) -> int:
    """Run one command; its exit code, 1 where it raises."""
    own = {"export-tables": lambda: export_tables(arguments[1]), "unit-tests": lambda: unit_tests(arguments[1:])}
    try:
        return own[arguments[0]]() if arguments[0] in own else main(arguments)
    except (Exception, SystemExit):
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    for line in sys.stdin:
        code = run(json.loads(line))
        sys.stderr.flush()
        print(f"\n{END} {code}", flush=True)
