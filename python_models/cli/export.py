"""``tacos export``: the kept samples as a file that a trainer reads, in the order of selection."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.export.formats import FORMATS, Kept
from python_models.export.writing import Export, dataset_name
from python_models.terminal import count

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from python_models.engine_connection import Connection

_ROWS_AT_ONCE = 1000
_TABLES = ("selected", "samples", "source_records", "cluster_labels")


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "export",
        help="write the kept samples as a file that a trainer reads",
        description="Write the kept samples in the order of selection, each conversation whole. A format that cannot "
        "hold one of them says which, and writes nothing.",
        epilog="Formats: " + "; ".join(f"{name}: {what}" for name, what in FORMATS.items()) + ".",
    )
    parser.add_argument("path", type=Path, help="the file to write; one that is there is replaced when all is written")
    parser.add_argument("--format", choices=FORMATS, default="original", help="see below (default: original)")
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.add_argument("--with-scores", action="store_true", help="add columns tacos_*: rank, cluster, scores, judge")
    parser.add_argument(
        "--split", type=_share, metavar="SHARE", help="two files, NAME.train and NAME.validation; 0.95: 95%% to train"
    )
    parser.add_argument("--chosen-only", action="store_true", help="of preference pairs, the preferred answer alone")
    parser.add_argument("--skip-unfit", action="store_true", help="leave out what the format cannot hold")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the files beside their places, then move them there: they are whole or they are not there.

    Raises:
        WarehouseError: nothing was selected, or a file cannot be written.
        UserError: the format cannot hold a sample.
    """
    path = options.path.absolute()  # opening a warehouse that is no file may change the folder
    with open_warehouse() as connection:
        tables = {name: table_in(connection, options.environment, name) for name in _TABLES}
        is_mapped = _check(connection, tables, options.environment)
        export = Export(
            path,
            options.format,
            _read_mapping() if is_mapped else {},
            options.split,
            options.chosen_only,
            options.skip_unfit,
        )
        try:
            export.write(_kept(connection, tables, options.with_scores))
        except OSError as error:
            where = error.filename or path
            raise WarehouseError(
                f"cannot write {where}: {error.strerror}. Name another file, or free some space."
            ) from error
    _tell(export)
    return 0


def _tell(export: Export) -> None:
    for path, n_rows in export.n_rows.items():
        what = f"{count(n_rows, 'record')}, {FORMATS[export.format_name]}, in the order of selection"
        print(f"{path}: {what if n_rows else 'what the trainer has to know of it'}.")
    if export.unfit:
        print(f"Left out, because {export.format_name} cannot hold them:\n{export.unfit_lines()}")
    if export.format_name == "llama-factory":
        names = ", ".join(dataset_name(path) for path, n_rows in export.n_rows.items() if n_rows)
        print(f"In LLaMA-Factory: dataset_dir: {export.path.parent}, dataset: {names}")


def _check(connection: Connection, tables: dict[str, str], environment: str) -> bool:
    """See that there is a record for every kept sample; say whether a column mapping was used for one of them."""
    query = (
        "SELECT COUNT(*) AS n, COUNT(conversation) AS n_found, "  # noqa: S608
        f"BOOL_OR(records.format = 'mapped') AS is_mapped FROM {tables['selected']} "
        f"LEFT JOIN {tables['samples']} AS samples USING (sample_id) "
        f"LEFT JOIN {tables['source_records']} AS records USING (record_id)"
    )
    (found,) = rows(connection, query)
    if not found["n"]:
        raise WarehouseError(f"nothing is selected in {environment}: nothing was written.")
    if found["n_found"] < found["n"]:
        raise WarehouseError(
            f"{found['n'] - found['n_found']:,} kept samples have no record any more: nothing was written. "
            "Bring the tables up to date: make run"
        )
    return bool(found["is_mapped"])


def _kept(connection: Connection, tables: dict[str, str], has_scores: bool) -> Iterator[Kept]:
    found = connection.execute(
        "SELECT selected.sample_id, records.conversation, records.source_file || ' record ' || records.record_no, "  # noqa: S608
        "records.instruction, records.response, records.system_prompt, selection_rank, labels.label, "
        f"judge_score::DOUBLE, cluster_score::DOUBLE, judge_model FROM {tables['selected']} AS selected "
        f"JOIN {tables['samples']} AS samples USING (sample_id) "
        f"JOIN {tables['source_records']} AS records USING (record_id) "
        f"LEFT JOIN {tables['cluster_labels']} AS labels USING (cluster_id) ORDER BY selection_rank"
    )
    while batch := found.fetchmany(_ROWS_AT_ONCE):
        for sample_id, record, source, instruction, response, system_prompt, *values in batch:
            names = ("selection_rank", "cluster", "judge_score", "cluster_score", "judge_model")
            scores: dict[str, Any] = {"tacos_sample_id": sample_id}
            scores |= {f"tacos_{name}": value for name, value in zip(names, values, strict=True)}
            yield Kept(sample_id, record, source, instruction, response, system_prompt, scores if has_scores else {})


def _read_mapping() -> dict[str, str]:
    from python_models.source.formats import read_mapping
    from python_models.variables import configured_variables

    return read_mapping(configured_variables()["column_mapping"])


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"a share between 0 and 1 is wanted, such as 0.95, not {text!r}")
    return share
