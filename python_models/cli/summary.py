"""What a run made, for the eyes: counts of every stage, the best kept samples, where to look next, and the verdict."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from python_models.cli.report import REPORT
from python_models.cli.warehouse import open_warehouse, rows
from python_models.report.overview import measured
from python_models.settings import database_path
from python_models.terminal import cell, shown_line

_COUNTS = """
WITH counts (line, stage, what, n, table_name) AS (
  SELECT 1, 'source', 'records read', SUM(n_records), 'source_records' FROM tacos.source_counts
  UNION ALL SELECT 2, 'source', 'rejected, with a reason', COUNT(*), 'rejected_records' FROM tacos.rejected_records
  UNION ALL SELECT 3, 'source', 'duplicates', SUM(n_duplicates), 'samples' FROM tacos.samples
  UNION ALL SELECT 4, 'source', 'distinct samples', COUNT(*), 'samples' FROM tacos.samples
  UNION ALL SELECT 5, 'tagging', 'samples tagged', COUNT(*) - COUNT(error), 'tag_replies' FROM tacos.tag_replies
  UNION ALL SELECT 6, 'tagging', 'without a usable reply', COUNT(error), 'tag_replies' FROM tacos.tag_replies
  UNION ALL SELECT 7, 'tagging', 'distinct raw tags', COUNT(DISTINCT raw_tag), 'raw_tags' FROM tacos.raw_tags
  UNION ALL SELECT 8, 'normalization', 'distinct normalized tags', COUNT(DISTINCT normalized_tag), 'normalized_tags'
  FROM tacos.normalized_tags
  UNION ALL SELECT 9, 'clustering', 'clusters', COUNT(*), 'cluster_labels' FROM tacos.cluster_labels
  WHERE cluster_id >= 0
  UNION ALL SELECT 10, 'clustering', 'samples left without a tag', COUNT(*), 'clusters' FROM tacos.clusters
  WHERE cluster_id = -1
  UNION ALL SELECT 11, 'judging', 'comparisons', COUNT(*), 'pair_scores' FROM tacos.pair_scores
  UNION ALL SELECT 12, 'judging', 'without a usable reply', COUNT(error), 'pair_scores' FROM tacos.pair_scores
  UNION ALL SELECT 13, 'selection', 'samples kept', COUNT(*), 'selected' FROM tacos.selected
)
SELECT stage, what, n, table_name FROM counts ORDER BY line
"""

_KEPT = """
SELECT selection_rank, cluster_label, judge_score, instruction, sample_id
FROM tacos.sample_audit WHERE is_selected ORDER BY cluster_id < 0, selection_rank LIMIT 10
"""

_JUDGES = "SELECT DISTINCT model_name FROM tacos.pair_replies ORDER BY model_name"


_CHECKS = "SELECT title, value, threshold, unit, is_failing, advice FROM tacos.failure_signatures ORDER BY check_no"

_WIDE = 100
"""Columns from which on a terminal shows the ids of the samples too."""


def show_summary() -> None:
    """Print counts, ten kept samples, next steps and the verdict on the production environment."""
    from python_models.embedded.judge import JUDGE_NAME, OFFLINE_NOTE

    with open_warehouse() as connection:
        counts = rows(connection, _COUNTS)
        kept = rows(connection, _KEPT)
        judges = [row["model_name"] for row in rows(connection, _JUDGES)]
        checks = rows(connection, _CHECKS)
    console = Console()
    console.print(_counts_table(counts))
    console.print(_kept_table(kept, console.width))
    console.print(
        "score: the mean of what the judge gave, 1 to 100. The ranks follow the cluster_score of "
        "tacos.sample_scores, which also counts against whom.\n",
        highlight=False,
    )
    if JUDGE_NAME in judges:
        console.print(
            f"[bold yellow]These scores come from {JUDGE_NAME}: an {OFFLINE_NOTE}.[/] It measures novelty, structure "
            "and junk, not whether an answer is true. For real judgments: TACOS_GATEWAY=openai and OPENAI_API_KEY.\n"
        )
    console.print(_next_steps(kept), highlight=False, markup=False, soft_wrap=True)
    style = "bold yellow" if any(check["is_failing"] for check in checks) else "bold green"
    console.print(f"\n{verdict(checks)}", style=style, highlight=False, markup=False, soft_wrap=True)


def verdict(checks: list[dict[str, Any]]) -> str:
    """What the failure signatures say, in one line, and a line more for every one that fails after the first.

    Args:
        checks: rows of ``tacos.failure_signatures``; where ``is_failing`` is None there was nothing to measure.
    """
    failing = [check for check in checks if check["is_failing"]]
    n_made = sum(check["is_failing"] is not None for check in checks)
    unmade = f" ({len(checks) - n_made} had nothing to measure)" if n_made < len(checks) else ""
    line = f"{n_made - len(failing)} of {n_made} checks passed{unmade}"
    if not failing:
        return f"{line}."
    return f"{line}; " + "\n  ".join(_failure(check) for check in failing)


def _failure(check: dict[str, Any]) -> str:
    value, limit = (measured(check[name], check["unit"]) for name in ("value", "threshold"))
    return shown_line(f"{check['title']} {value} (limit {limit}): {check['advice']}")


def _counts_table(counts: list[dict[str, Any]]) -> Table:
    table = Table(title="What happened", title_justify="left", box=SIMPLE)
    for name in ("stage", "what"):
        table.add_column(name)
    table.add_column("count", justify="right")
    table.add_column("table", style="dim")
    stage = ""
    for row in counts:
        shown = row["stage"] if row["stage"] != stage else ""
        stage = row["stage"]
        table.add_row(shown, row["what"], f"{int(row['n'] or 0):,}", f"tacos.{row['table_name']}")
    return table


def _kept_table(kept: list[dict[str, Any]], width: int) -> Table:
    is_wide = width >= _WIDE
    cluster_width = 32 if is_wide else 26  # the names tell the clusters apart by their second word
    table = Table(title="The first of the kept samples", title_justify="left", box=SIMPLE)
    table.add_column("", justify="right", width=2)
    table.add_column("cluster", width=cluster_width, no_wrap=True)
    table.add_column("score", justify="right", width=5)
    table.add_column("instruction", width=min(width - cluster_width - (32 if is_wide else 19), 110), no_wrap=True)
    if is_wide:
        table.add_column("sample", style="dim", width=8)
    for row in kept:
        score = "-" if row["judge_score"] is None else f"{row['judge_score']:.0f}"
        texts = [cell(row["cluster_label"]), score, cell(row["instruction"]), row["sample_id"][:8]]
        table.add_row(str(row["selection_rank"]), *(texts if is_wide else texts[:-1]))
    return table


def _fetch(columns: str) -> str:
    """The command for some columns: of all columns of a table, pandas shows the first and the last only."""
    return f'.venv/bin/sqlmesh fetchdf "SELECT {columns}"'


def _next_steps(kept: list[dict[str, Any]]) -> str:
    sample = kept[0]["sample_id"][:8] if kept else "SAMPLE_ID"
    steps = {
        "everything in one page": f"open {REPORT.name} in a browser",
        "why one sample was kept": f".venv/bin/tacos explain {sample}",
        "a file to train on": ".venv/bin/tacos export kept.jsonl --format messages",
        "the kept samples": _fetch("selection_rank, judge_score, instruction FROM tacos.selected ORDER BY 1"),
        "what happened to every tag": _fetch("raw_tag, normalized_tag, reason FROM tacos.tag_map"),
        "your own data": "TACOS_DATASET=path/to/data.jsonl make run",
        "every table": f"any DuckDB client on {shown_line(database_path().name)}; docs/reference.md lists them",
    }
    return "Where to look next\n" + "\n".join(f"  {what:<30} {how}" for what, how in steps.items())
