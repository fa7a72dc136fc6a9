"""``tacos run``: bring every table up to date, then show what was kept and where to look next."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

import duckdb

from python_models.cli.summary import show_summary
from python_models.cli.warehouse import WarehouseError, database_path, locked_message
from python_models.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from sqlmesh import Context


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "run",
        help="run the whole pipeline and show what was kept",
        description="Apply the project as it is, as sqlmesh plan and sqlmesh run would, then show the counts "
        "of every stage and the best samples. Settings: TACOS_DATASET, TACOS_GATEWAY and the others in the README.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Run the pipeline in the production environment and print the summary.

    Raises:
        WarehouseError: another process holds the warehouse, or a model or an audit failed.
    """
    from sqlmesh import Context, configure_logging
    from sqlmesh.core.console import configure_console
    from sqlmesh.utils.errors import SQLMeshError

    os.chdir(PROJECT_ROOT)
    configure_logging()
    configure_console()
    try:
        context = Context(paths=str(PROJECT_ROOT))
        try:
            _bring_up_to_date(context)
        finally:
            context.close()
    except duckdb.IOException as error:
        raise WarehouseError(locked_message(database_path(), error)) from error
    except SQLMeshError as error:
        raise WarehouseError(
            f"The run stopped: {str(error).rstrip('.')}. The message above says where and why; "
            "what was paid for is kept in the cache, so that the next run goes on from here."
        ) from error
    show_summary()
    return 0


def _bring_up_to_date(context: Context) -> None:
    """Apply the project where it changed, else run it; first ask again for what failed before."""
    _read_edited_files_again(context)
    if _n_failed(context):
        # Failed samples of older days are outside of what a run looks at; the others come from the cache.
        context.plan(auto_apply=True, no_prompts=True, skip_tests=True, restate_models=["tacos.tag_replies"])
    plan = context.plan_builder(run=True, ignore_cron=True, skip_tests=True).build()
    if plan.has_changes:
        context.apply(plan)
    else:
        context.run(ignore_cron=True)


def _read_edited_files_again(context: Context) -> None:
    """Process all days again if the dataset lost records that the tables have: an ordinary run adds, it forgets not."""
    from python_models.source.changes import count_gone

    reader = "tacos.source_records"
    production = context.state_reader.get_environment("prod")
    in_production = {info.name: info.fingerprint for info in production.snapshots} if production else {}
    local = context.get_snapshot(reader, raise_if_missing=True)
    if in_production.get(local.name) != local.fingerprint:
        return  # there are no tables yet, or a plan makes them anew
    variables = context.config.variables
    n_gone = count_gone(context, variables["dataset"], variables["column_mapping"])
    if n_gone:
        print(f"{n_gone:,} records were edited in the dataset, or removed from it: all of it is read again.")
        context.plan(
            auto_apply=True, no_prompts=True, skip_tests=True, restate_models=[reader], run=True, ignore_cron=True
        )


def _n_failed(context: Context) -> int:
    """Samples that an earlier run could not tag; 0 before the first run."""
    adapter = context.engine_adapter
    if not adapter.table_exists("tacos.tag_failures"):
        return 0
    counted = adapter.fetchone("SELECT COUNT(*) FROM tacos.tag_failures")
    return int(counted[0]) if counted else 0
