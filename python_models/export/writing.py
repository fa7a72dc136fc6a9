"""Writing the files of an export: all of them, or none."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from python_models.export import axolotl, llama_factory, parquet
from python_models.export.conversation import UnfitError
from python_models.export.formats import Kept, make_row
from python_models.source.texts import write_json
from python_models.terminal import UserError, count
from python_models.whole_file import whole_file

PARTS = ("train", "validation")
_EXAMPLES = 3


@dataclass
class Export:
    """What is to be written, and what was.

    Attributes:
        path: the file; with ``split`` the name that the two files share.
        format_name: one of ``formats.FORMATS``.
        mapping: the column mapping that the records were read with.
        split: the share of the samples that goes to the file ``train``, in (0, 1), the rest to ``validation``; None for
            one file.
        is_chosen_only: of preference pairs write the preferred answer alone.
        is_unfit_skipped: leave out what the format cannot hold, rather than stop.
        n_rows: rows of each file written.
        unfit: sources of the samples that the format cannot hold, by reason.
        columns: what the rows have; also "tool_calls" if a message has.
    """

    path: Path
    format_name: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    split: float | None = None
    is_chosen_only: bool = False
    is_unfit_skipped: bool = False
    n_rows: dict[Path, int] = field(default_factory=dict)
    unfit: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    columns: set[str] = field(default_factory=set)

    def write(self, samples: Iterable[Kept]) -> None:
        """Write the samples in their order, and the file that describes them to a trainer.

        Raises:
            UserError: the format cannot hold a sample, a file would be empty, or another file is in the way.
            OSError: a file cannot be written.
        """
        paths = [self.path] if self.split is None else [_part(self.path, part) for part in PARTS]
        self.n_rows = dict.fromkeys(paths, 0)
        with ExitStack() as stack:  # the files move to their places when all of them are written
            partials = {path: stack.enter_context(whole_file(path)) for path in paths}
            if self.format_name == "parquet":  # its columns are known when all rows are
                lines = {path: stack.enter_context(whole_file(_lines(path), is_kept=False)) for path in paths}
                self._write_lines(samples, lines)
                self._refuse()
                for path in paths:
                    parquet.convert(lines[path], partials[path], self.columns)
            else:
                self._write_lines(samples, partials)
                self._refuse()
            for path, text in self._descriptions(paths).items():
                stack.enter_context(whole_file(path)).write_text(text, encoding="utf-8")
                self.n_rows[path] = 0

    def _write_lines(self, samples: Iterable[Kept], paths: Mapping[Path, Path]) -> None:
        with ExitStack() as stack:
            files = {
                path: stack.enter_context(partial.open("w", encoding="utf-8", newline="\n"))
                for path, partial in paths.items()
            }
            for kept in samples:
                self._write_line(kept, files)

    def _write_line(self, kept: Kept, files: Mapping[Path, TextIO]) -> None:
        try:
            row = make_row(kept, self.format_name, self.mapping, self.is_chosen_only)
            if self.format_name != "original":
                self._refuse_mixture(row)
        except UnfitError as error:
            self.unfit[str(error)].append(kept.source)
            return
        is_whole = self.format_name == "original" and not kept.scores
        # Inside its strings JSON has no line break, so one between them is white space.
        line = kept.record.replace("\r", " ").replace("\n", " ") if is_whole else write_json(row)
        path = list(files)[int(self.split is not None and _place(kept.sample_id) >= self.split)]
        files[path].write(line + "\n")
        self.n_rows[path] += 1

    def _refuse_mixture(self, row: dict[str, Any]) -> None:
        """Refuse a row that is no preference pair among such, or one among others: no trainer takes both."""
        is_first = not self.columns
        if not is_first and ("chosen" in row) != ("chosen" in self.columns):
            kind = "is" if "chosen" in row else "is not"
            raise UnfitError(
                f"it {kind} a preference pair, unlike the first sample, and no trainer takes both: "
                "--chosen-only writes the preferred answers alone"
            )
        self.columns |= row.keys()
        turns = (turn for name in ("prompt", "chosen", "rejected", "messages") for turn in _listed(row.get(name)))
        if any("tool_calls" in turn for turn in turns):
            self.columns.add("tool_calls")

    def _refuse(self) -> None:
        n_unfit = sum(map(len, self.unfit.values()))
        if n_unfit and not self.is_unfit_skipped:
            n_all = n_unfit + sum(self.n_rows.values())
            raise UserError(
                f"the format {self.format_name} cannot hold {n_unfit:,} of {count(n_all, 'sample')}:\n"
                f"{self.unfit_lines()}\n"
                "Nothing was written. Choose another format, or leave these out: --skip-unfit"
            )
        for path, n_rows in self.n_rows.items():
            if not n_rows:
                raise UserError(
                    f"no sample would be in {path.name}: nothing was written. The split goes by a hash of the sample: "
                    "with few of them take a share nearer to 0.5."
                )

    def unfit_lines(self) -> str:
        """What the format cannot hold: a line for each reason, the commonest first, with the first few records."""
        lines = []
        for reason, sources in sorted(self.unfit.items(), key=lambda item: (-len(item[1]), item[0])):
            more = f" and {len(sources) - _EXAMPLES:,} more" if len(sources) > _EXAMPLES else ""
            lines.append(f"  {len(sources):,} x {reason}\n      {', '.join(sources[:_EXAMPLES])}{more}")
        return "\n".join(lines)

    def _descriptions(self, paths: list[Path]) -> dict[Path, str]:
        """The files that describe the data to a trainer: path to text."""
        is_ranking = "chosen" in self.columns
        if self.format_name == "llama-factory":
            info = self.path.with_name(llama_factory.DATASET_INFO)
            entries = {
                dataset_name(path): llama_factory.describe(path.name, is_ranking, "tools" in self.columns)
                for path in paths
            }
            return {info: llama_factory.merge(info, entries)}
        if self.format_name == "axolotl":
            train, *tests = map(str, paths)
            stanza = self.path.with_suffix(".axolotl.yaml")
            return {stanza: axolotl.stanza(train, next(iter(tests), None), is_ranking)}
        return {}


def dataset_name(path: Path) -> str:
    """The name of a file in ``dataset_info.json``: kept_train for kept.train.jsonl."""
    return path.stem.replace(".", "_")


def _part(path: Path, part: str) -> Path:
    """kept.train.jsonl for kept.jsonl: Hugging Face's ``datasets`` knows the split by the name."""
    return path.with_name(f"{path.stem}.{part}{path.suffix}")


def _lines(path: Path) -> Path:
    return path.with_name(f"{path.name}.lines")


def _place(sample_id: str) -> float:
    """Where a sample falls in [0, 1): by a hash of its own, since ``sample_limit`` takes the lowest sample ids."""
    digest = hashlib.md5(f"split {sample_id}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:13], 16) / 16**13


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
