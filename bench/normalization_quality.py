"""What normalization makes of tags, and how well it finds the spellings that mean the same.

    python bench/normalization_quality.py

The tags are the project's own: those of 300 instructions, written by hand as a model would; a few hundred spellings
in four languages that a person has grouped by meaning, every language with its stemmer; and generated ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from sqlmesh import Context
from tag_generator import SPELLINGS, TagTable, deal_spellings, generate_tags

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from stage_runner import StageRunner

ROOT = Path(__file__).resolve().parents[1]
INSTRUCTIONS = Path(__file__).parent / "data" / "instructions_by_kind.jsonl"
STEPS = """
SELECT COUNT(*), COUNT(DISTINCT cleaned_tag), COUNT(DISTINCT canonical_tag), COUNT(DISTINCT normalized_tag),
  SUM(rules.n_occurrences) FILTER (normalized_tag IS NOT NULL) / SUM(rules.n_occurrences)
FROM tacos_internal.tag_rules AS rules INNER JOIN tacos.tag_map USING (raw_tag)
"""


def run(context: Context, rows: str, variables: dict[str, object]) -> duckdb.DuckDBPyConnection:
    """Normalize the rows of a query with the columns sample_id and raw_tag."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"CREATE SCHEMA tacos; CREATE TABLE tacos.raw_tags AS {rows}")
    connection.execute("CREATE TABLE tacos.samples AS SELECT DISTINCT sample_id FROM tacos.raw_tags")
    StageRunner(context, ["normalization"], connection, variables).run()
    return connection


def report(name: str, connection: duckdb.DuckDBPyConnection, table: TagTable | None = None) -> None:
    """Print a line of the table."""
    counts = connection.sql(STEPS).fetchone()
    assert counts
    line = f"{name:<18} {counts[0]:>7,} {counts[1]:>8,} {counts[2]:>8,} {counts[3]:>7,} {counts[4]:>17.1%}"
    if table:
        canonical = dict(connection.sql("SELECT raw_tag, canonical_tag FROM tacos_internal.tag_rules").fetchall())
        line += " {:>10.3f} {:>7.3f}".format(*table.quality(canonical))
    print(line, flush=True)


def report_drift(context: Context, connection: duckdb.DuckDBPyConnection) -> None:
    """Print how far each way of merging moved the meaning of tags."""
    runner = StageRunner(context, ["diagnostics"], connection)
    runner.models = [
        model for model in runner.models if model.name in ("tacos.tag_drift", "tacos_internal.tag_drift_actions")
    ]
    runner.run()
    columns = "action, n_raw_tags, mean_similarity, median_similarity"
    query = f"SELECT {columns} FROM tacos_internal.tag_drift_actions ORDER BY action"  # noqa: S608
    print("\nCosine between the raw tag and the one that it was merged into, 300 instructions")
    for action, n_tags, mean, median in connection.sql(query).fetchall():
        print(f"{action:<22} {n_tags:>5,} tags: mean {mean:.2f}, median {median:.2f}")


def main() -> None:
    """Print the steps of normalization for each set of tags, and the quality of its joins where the truth is known."""
    heads = ("raw", "cleaned", "grouped", "kept", "occurrences kept", "precision", "recall")
    print("{:<18} {:>7} {:>8} {:>8} {:>7} {:>17} {:>10} {:>7}".format("tags", *heads))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TACOS_DATABASE"], os.environ["TACOS_CACHE"] = f"{folder}/w.duckdb", f"{folder}/c.sqlite"
        context = Context(paths=str(ROOT))
        rows = f"SELECT MD5(instruction) AS sample_id, UNNEST(tags) AS raw_tag FROM READ_JSON('{INSTRUCTIONS}')"  # noqa: S608
        instructions = run(context, rows, {})
        report("300 instructions", instructions)
        tables: dict[str, tuple[TagTable, str]] = {
            # No stemmer knows Chinese; the English one serves the English words in its tags.
            language: (deal_spellings(language), language if language != "chinese" else "english")
            for language in SPELLINGS
        }
        tables["generated, 52,000"] = (generate_tags(52_000), "english")
        for name, (table, stemmer) in tables.items():
            pq.write_table(table.rows, f"{folder}/tags.parquet")
            rows = f"SELECT sample_id::TEXT AS sample_id, raw_tag::TEXT AS raw_tag FROM '{folder}/tags.parquet'"  # noqa: S608
            report(name, run(context, rows, {"stemming_language": stemmer}), table)
        report_drift(context, instructions)
        context.close()


if __name__ == "__main__":
    main()
