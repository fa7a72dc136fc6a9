"""What normalization makes of real tags, and how well it finds the spellings of generated ones.

    python bench/normalization_quality.py

Real tags are read from ../shared/data/tags (free tags of items in four languages); every language with its stemmer.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from sqlmesh import Context
from tag_generator import generate_tags

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from stage_runner import StageRunner  # noqa: E402 - found by the path above

REAL = ROOT.parent / "shared" / "data" / "tags" / "grouped_agent_tags.jsonl.gz"
LOCALES = {"en": "english", "es-ES": "spanish", "fr-FR": "french", "zh-CN": "english"}
STEPS = """
SELECT COUNT(*), COUNT(DISTINCT cleaned_tag), COUNT(DISTINCT canonical_tag), COUNT(DISTINCT normalized_tag),
  SUM(rules.n_occurrences) FILTER (normalized_tag IS NOT NULL) / SUM(rules.n_occurrences)
FROM tacos.tag_rules AS rules INNER JOIN tacos.tag_map USING (raw_tag)
"""


def n_pairs(counts: Counter[object]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def run(context: Context, rows: str, variables: dict[str, object]) -> duckdb.DuckDBPyConnection:
    """Normalize the rows of a query with the columns sample_id and raw_tag."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"CREATE SCHEMA tacos; CREATE TABLE tacos.raw_tags AS {rows}")
    connection.execute("CREATE TABLE tacos.samples AS SELECT DISTINCT sample_id FROM tacos.raw_tags")
    StageRunner(context, ["normalization"], connection, variables).run()
    return connection


def main() -> None:
    print(f"{'tags':<8} {'raw':>8} {'cleaned':>8} {'grouped':>8} {'kept':>8} {'occurrences kept':>17}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TACOS_DATABASE"], os.environ["TACOS_CACHE"] = f"{folder}/w.duckdb", f"{folder}/c.sqlite"
        context = Context(paths=str(ROOT))
        for locale, language in LOCALES.items() if REAL.exists() else ():
            rows = f"SELECT id AS sample_id, UNNEST(tags) AS raw_tag FROM READ_JSON('{REAL}') WHERE locale = '{locale}'"  # noqa: S608
            counts = run(context, rows, {"stemming_language": language}).sql(STEPS).fetchone()
            assert counts
            print(f"{locale:<8} {counts[0]:>8,} {counts[1]:>8,} {counts[2]:>8,} {counts[3]:>8,} {counts[4]:>17.1%}")
        table = generate_tags(52_000)
        table_path = f"{folder}/generated.parquet"
        pq.write_table(table.rows, table_path)
        rows = f"SELECT sample_id::VARCHAR AS sample_id, raw_tag::VARCHAR AS raw_tag FROM READ_PARQUET('{table_path}')"  # noqa: S608
        connection = run(context, rows, {})
        counts = connection.sql(STEPS).fetchone()
        canonical = dict(connection.sql("SELECT raw_tag, canonical_tag FROM tacos.tag_rules").fetchall())
        context.close()
    assert counts
    print(f"{'made up':<8} {counts[0]:>8,} {counts[1]:>8,} {counts[2]:>8,} {counts[3]:>8,} {counts[4]:>17.1%}")
    n_right = n_pairs(Counter((table.concepts[raw], tag) for raw, tag in canonical.items()))
    n_merged, n_true = n_pairs(Counter(canonical.values())), n_pairs(Counter(table.concepts[raw] for raw in canonical))
    print(f"generated tags, pairs of spellings: precision {n_right / n_merged:.4f}, recall {n_right / n_true:.4f}")


if __name__ == "__main__":
    main()
