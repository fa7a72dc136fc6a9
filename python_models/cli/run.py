"""``tacos run``: bring every table up to date, then show what was kept and where to look next."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from python_models.cli import report
from python_models.cli.summary import show_summary
from python_models.cli.warehouse import WarehouseError, open_warehouse
from python_models.last_run import receipt
from python_models.settings import LlmSettings, project_path, uses_spark
from python_models.terminal import shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from sqlmesh import Context

_READER = "tacos.source_records"
_TAGS = "tacos.tag_replies"


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "run",
        help="run the whole pipeline and show what was kept",
        description="Apply the project as it is, as sqlmesh plan and sqlmesh run would, then show the counts "
        "of every stage and the best samples, and write report.html. Settings: TACOS_DATASET, TACOS_GATEWAY and the "
        "others in docs/reference.md.",
    )
    parser.add_argument("--verbose", action="store_true", help="show every table as SQLMesh does, not only the stages")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the pipeline in the production environment and print the summary.

    Raises:
        SettingError: a setting is wrong.
        WarehouseError: another process holds the warehouse, or a model or an audit failed.
    """
    if _is_up_to_date():
        print("Nothing is new since the last run: the tables are as it left them, and nothing was executed.")
    else:
        from python_models.cli.project import open_project

        with open_project(is_quiet=not options.verbose) as context:
            _tell_of_another_dataset(context)
            _bring_up_to_date(context)
            if not uses_spark():
                receipt.end(context.engine_adapter.fetchall)
    if uses_spark():
        report.write()
    elif not receipt.is_as_made(report.REPORT):
        report.write()
        receipt.note_made(report.REPORT)
    show_summary()
    return 0


def _is_up_to_date() -> bool:
    """Whether a run would read and leave exactly what the last one did: seen without loading the project.

    Only where SQLMesh's record of production is in the warehouse: a DuckDB file.
    """
    if uses_spark():
        return False
    try:
        with open_warehouse() as connection:
            return receipt.changes(lambda query: connection.execute(query).fetchall()) == []
    except WarehouseError:
        return False  # the run says what is wrong with it


def _bring_up_to_date(context: Context) -> None:
    """Apply the project where it changed, else run it; first ask again for what failed before.

    Raises:
        SQLMeshError: a model or an audit failed.
    """
    from sqlmesh.utils.errors import SQLMeshError

    from python_models.stale_children import categorize_safely

    is_read = _has_read_all(context)
    restated = _model_to_restate(context)
    if restated:
        names = [restated]
        context.plan(
            auto_apply=True, no_prompts=True, skip_tests=True, restate_models=names, run=True, ignore_cron=True
        )
    plan = categorize_safely(context.plan_builder(run=True, ignore_cron=True, skip_tests=True)).build()
    if plan.has_changes:
        context.apply(plan)
    # A plan makes what it changes or restates; what is new in the dataset is taken in by a run.
    is_done = is_read and (restated or plan.has_changes)
    if not is_done and context.run(ignore_cron=True).is_failure:
        raise SQLMeshError("A model or an audit failed.")


def _has_read_all(context: Context) -> bool:
    """Whether a plan of what changed leaves nothing to read: a first one reads all, a later one what it changes.

    By the bytes of the dataset, as sizes and dates may stay; where no receipt tells, as on Spark, by none.
    """
    if context.state_reader.get_environment("prod") is None:
        return True
    changed = None if uses_spark() else receipt.changes(context.engine_adapter.fetchall)
    return changed is not None and not {"the dataset", "the day"} & set(changed)


def _model_to_restate(context: Context) -> str | None:
    """The model whose days are all to be processed again; None if an ordinary run does.

    That of the records if the dataset lost some that the tables have: an ordinary run adds, it forgets not. That of the
    tags if some samples failed and are to be asked again: those of older days are outside of what a run looks at, and
    the others come from the cache.
    """
    if _has_lost_records(context):
        return _READER
    return _TAGS if LlmSettings.from_environment().ask_failed_again and _n_failed(context) else None


def _has_lost_records(context: Context) -> bool:
    """Whether the tables have records that the dataset no longer has; says how many."""
    from python_models.source.changes import count_gone

    production = context.state_reader.get_environment("prod")
    in_production = {info.name: info.fingerprint for info in production.snapshots} if production else {}
    local = context.get_snapshot(_READER, raise_if_missing=True)
    if in_production.get(local.name) != local.fingerprint:
        return False  # there are no tables yet, or a plan makes them anew
    variables = context.config.variables
    n_gone = count_gone(context, variables["dataset"], variables["column_mapping"])
    if n_gone:
        print(f"{n_gone:,} records were edited in the dataset, or removed from it: all of it is read again.")
    return n_gone > 0


def _n_failed(context: Context) -> int:
    """Samples that an earlier run could not tag; 0 before the first run."""
    adapter = context.engine_adapter
    if not adapter.table_exists("tacos_internal.tag_failures"):
        return 0
    counted = adapter.fetchone("SELECT COUNT(*) FROM tacos_internal.tag_failures")
    return int(counted[0]) if counted else 0


def _tell_of_another_dataset(context: Context) -> None:
    """Say so if the tables of production come from another dataset than the one to be read now."""
    from python_models.cli.project import promoted_models, stored_variables

    last = promoted_models(context).get(_READER)
    if last is None:
        return
    before, now = (stored_variables(model)["dataset"] for model in (last.model, context.get_model(_READER)))
    if project_path(before) != project_path(now):
        print(f"The dataset is {shown_line(now)}. The last run's was {shown_line(before)}: its tables are replaced.")
