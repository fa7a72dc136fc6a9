"""What a run made, for the eyes: the counts of every stage, the best of the kept samples, where to look next."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from python_models.cli.warehouse import database_path, open_warehouse, rows

_COUNTS = """
SELECT 1 AS stage_rank, 'source' AS stage, 'records read' AS what, SUM(n_records) AS n, 'source_records' AS table_name
FROM tacos.source_counts
UNION ALL SELECT 1, 'source', 'rejected, with a reason', COUNT(*), 'rejected_records' FROM tacos.rejected_records
UNION ALL SELECT 1, 'source', 'duplicates', SUM(n_duplicates), 'samples' FROM tacos.samples
UNION ALL SELECT 1, 'source', 'distinct samples', COUNT(*), 'samples' FROM tacos.samples
UNION ALL SELECT 2, 'tagging', 'samples tagged', COUNT(*) FILTER (WHERE error IS NULL), 'tag_replies'
FROM tacos.tag_replies
UNION ALL SELECT 2, 'tagging', 'samples without a usable reply', COUNT(*), 'tag_failures' FROM tacos.tag_failures
UNION ALL SELECT 2, 'tagging', 'distinct raw tags', COUNT(DISTINCT raw_tag), 'raw_tags' FROM tacos.raw_tags
UNION ALL SELECT 3, 'normalization', 'distinct normalized tags', COUNT(DISTINCT normalized_tag), 'normalized_tags'
FROM tacos.normalized_tags
UNION ALL SELECT 4, 'clustering', 'clusters', COUNT(*), 'cluster_labels' FROM tacos.cluster_labels WHERE cluster_id >= 0
UNION ALL SELECT 4, 'clustering', 'samples without a cluster of tags', COUNT(*), 'clusters' FROM tacos.clusters
WHERE cluster_id = -1
UNION ALL SELECT 5, 'judging', 'comparisons', COUNT(*), 'pair_scores' FROM tacos.pair_scores
UNION ALL SELECT 5, 'judging', 'comparisons without a usable reply', COUNT(*), 'pair_scores' FROM tacos.pair_scores
WHERE NOT error IS NULL
UNION ALL SELECT 6, 'selection', 'samples kept', COUNT(*), 'selected' FROM tacos.selected
"""

_KEPT = """
SELECT selected.selection_rank, labels.label, selected.score, selected.instruction, selected.sample_id
FROM tacos.selected AS selected
JOIN tacos.cluster_labels AS labels ON labels.cluster_id = selected.cluster_id
ORDER BY selected.selection_rank LIMIT 10
"""

_JUDGES = "SELECT DISTINCT model_name FROM tacos.pair_replies ORDER BY model_name"


def show_summary() -> None:
    """Print counts, ten kept samples and next steps of the production environment."""
    from python_models.embedded.judge import JUDGE_NAME, OFFLINE_NOTE

    with open_warehouse() as connection:
        counts = rows(connection, f"SELECT * FROM ({_COUNTS}) ORDER BY stage_rank")
        kept = rows(connection, _KEPT)
        judges = [row["model_name"] for row in rows(connection, _JUDGES)]
    console = Console()
    console.print(_counts_table(counts))
    console.print(_kept_table(kept))
    if JUDGE_NAME in judges:
        console.print(
            f"[bold yellow]These scores come from {JUDGE_NAME}: an {OFFLINE_NOTE}.[/] It measures novelty, structure "
            "and junk, not whether an answer is true. For real judgments: TACOS_GATEWAY=openai and OPENAI_API_KEY.\n"
        )
    console.print(_next_steps(kept), highlight=False)


def _counts_table(counts: list[dict[str, Any]]) -> Table:
    table = Table(title="What happened", title_justify="left")
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


def _kept_table(kept: list[dict[str, Any]]) -> Table:
    table = Table(title="The first of the kept samples", title_justify="left")
    table.add_column("rank", justify="right")
    table.add_column("cluster", max_width=36)
    table.add_column("score", justify="right")
    table.add_column("instruction", max_width=56, no_wrap=True, overflow="ellipsis")
    table.add_column("sample", style="dim")
    for row in kept:
        instruction = " ".join(row["instruction"].split())
        score = "" if row["score"] is None else f"{row['score']:.1f}"
        table.add_row(str(row["selection_rank"]), row["label"], score, instruction, row["sample_id"][:8])
    return table


def _next_steps(kept: list[dict[str, Any]]) -> str:
    sample = kept[0]["sample_id"][:8] if kept else "SAMPLE_ID"
    return (
        "Where to look next\n"
        f"  why one sample was kept        .venv/bin/tacos explain {sample}\n"
        "  the kept samples               .venv/bin/sqlmesh fetchdf \"SELECT * FROM tacos.selected\"\n"
        "  what happened to every tag     .venv/bin/sqlmesh fetchdf \"SELECT * FROM tacos.tag_map\"\n"
        "  your own data                  TACOS_DATASET=path/to/data.jsonl make run\n"
        f"  every table                    any DuckDB client on {database_path().name}, schema tacos; README.md lists them"
    )
