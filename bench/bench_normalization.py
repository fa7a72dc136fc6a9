"""Time of raw tags -> normalized tags, against the obvious implementation with pandas, nltk and mlxtend.

    python bench/bench_normalization.py                      # 5,200 to 520,000 samples, both implementations
    python bench/bench_normalization.py --samples 5200000    # 15 million raw tags
    python bench/bench_normalization.py --audits             # with the audits of every model

On a machine that does other work too, CPU seconds say more than seconds.
Every measurement is a process of its own, so that the memory is its own. The SQL side is the project's own models on a
DuckDB file with 2 threads and a memory limit; making the raw tags is not counted, the Python models are.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
N_THREADS = 2
MEMORY_LIMIT = "6GB"
MIN_SHARE, MIN_FREQUENCY, MIN_CONFIDENCE = 0.0004, 2, 0.99  # of config.yaml, for the implementation in pandas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[5_200, 52_000, 520_000])
    parser.add_argument("--only", choices=["sql", "pandas"], help="one implementation")
    parser.add_argument("--audits", action="store_true", help="run the audits too, and say how long they take")
    parser.add_argument("--max-pandas", type=int, default=520_000, help="most samples for pandas (default: 520,000)")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "PARQUET", "AUDITS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, path, audits = options.measure
        is_sql = what == "sql"
        found = normalize_with_sql(Path(path), audits == "1") if is_sql else normalize_with_pandas(Path(path))
        print(json.dumps({**found, "peak_mb": peak_mb()}))
        return
    print(
        f"{'samples':>10} {'raw tags':>11} {'distinct':>10} {'kept':>7}"
        f"  {'tool':<7} {'seconds':>8} {'CPU s':>8} {'peak MB':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for n_samples in options.samples:
            path = Path(folder) / f"{n_samples}.parquet"
            # In a process of its own: the generator needs more memory than what is measured.
            subprocess.run([sys.executable, __file__, "--generate", str(n_samples), str(path)], check=True)  # noqa: S603
            seconds = {}
            for what in [options.only] if options.only else ["sql", "pandas"]:
                if what == "pandas" and n_samples > options.max_pandas:
                    continue
                found = measured(what, path, options.audits)
                seconds[what] = found["seconds"]
                counts = f"{n_samples:>10,} {found['n_raw']:>11,} {found['n_distinct']:>10,} {found['n_kept']:>7,}"
                cost = f"{found['seconds']:>8.2f} {found['cpu']:>8.2f} {found['peak_mb']:>8,.0f}"
                print(f"{counts}  {what:<7} {cost}{found['note']}", flush=True)
            if len(seconds) == 2:
                print(f"{'':>10} pandas / sql: {seconds['pandas'] / seconds['sql']:.1f}")


def measured(what: str, path: Path, has_audits: bool) -> dict[str, Any]:
    """Result of one measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", what, str(path), str(int(has_audits))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_mb() -> float:
    """Most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def normalize_with_sql(path: Path, has_audits: bool) -> dict[str, Any]:
    """The project's models on a DuckDB file."""
    import duckdb
    from sqlmesh import Context

    sys.path.insert(0, str(ROOT / "tests" / "python"))
    from stage_runner import StageRunner

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        os.environ["TACOS_DATABASE"] = f"{folder}/project.duckdb"
        os.environ["TACOS_CACHE"] = f"{folder}/cache.sqlite"
        context = Context(paths=str(ROOT))
        connection = duckdb.connect(
            f"{folder}/bench.duckdb", config={"threads": N_THREADS, "memory_limit": MEMORY_LIMIT}
        )
        connection.execute(f"""
            CREATE SCHEMA tacos;
            CREATE TABLE tacos.raw_tags AS
            SELECT sample_id::VARCHAR AS sample_id, tag_position, raw_tag::VARCHAR AS raw_tag
            FROM READ_PARQUET('{path}');
            CREATE TABLE tacos.samples AS SELECT DISTINCT sample_id FROM tacos.raw_tags
        """)  # noqa: S608
        runner = StageRunner(context, ["normalization"], connection)
        started, cpu_started = time.perf_counter(), time.process_time()
        runner.run()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        for name, duration in sorted(runner.seconds.items(), key=lambda item: -item[1])[:5]:
            print(f"  {name} {duration:.2f} s", file=sys.stderr)
        note = ""
        if has_audits:
            started = time.perf_counter()
            failed = [runner.failed_audits(model.name) for model in runner.models]
            note = f"  audits {time.perf_counter() - started:.2f} s, {sum(map(len, failed))} failed"
        counts = connection.sql("""
            SELECT (SELECT COUNT(*) FROM tacos.raw_tags), COUNT(*), COUNT(DISTINCT normalized_tag) FROM tacos.tag_map
        """).fetchone()
        connection.close()
        context.close()
    assert counts
    found = {"seconds": seconds, "cpu": cpu, "note": note}
    return {**found, "n_raw": counts[0], "n_distinct": counts[1], "n_kept": counts[2]}


def normalize_with_pandas(path: Path) -> dict[str, Any]:
    """What one would write first: apply a function to every tag, count, mine with fpgrowth, replace."""
    import math
    import re
    import unicodedata

    import pandas as pd
    from mlxtend.frequent_patterns import association_rules, fpgrowth
    from mlxtend.preprocessing import TransactionEncoder
    from nltk.stem import SnowballStemmer

    tags = pd.DataFrame(
        {name: column.to_pylist() for name, column in zip(("sample_id", "raw_tag"), _columns(path), strict=True)}
    )
    started, cpu_started = time.perf_counter(), time.process_time()
    stemmer = SnowballStemmer("english")

    def clean(tag: str) -> str:
        tag = unicodedata.normalize("NFKC", tag)
        tag = re.sub(r"(?<=[a-z]{2})(?=[A-Z])", " ", tag).lower()
        tag = re.sub(r"[\s_/,;:-]+", " ", tag)
        tag = re.sub(r"[^\w +#.&']", "", tag).strip(" .'")
        return re.sub(r"^(a|an|the|provide) ", "", tag)

    tags["cleaned"] = tags["raw_tag"].apply(clean)
    tags["stemmed"] = tags["cleaned"].apply(lambda tag: " ".join(stemmer.stem(word) for word in tag.split()))
    spelling = tags.groupby("stemmed")["cleaned"].agg(lambda spellings: spellings.value_counts().index[0])
    tags["canonical"] = tags["stemmed"].map(spelling)
    pairs = tags[["sample_id", "canonical"]].drop_duplicates()
    frequency = pairs["canonical"].value_counts()
    n_samples = tags["sample_id"].nunique()
    threshold = max(MIN_FREQUENCY, math.ceil(MIN_SHARE * n_samples))
    pairs = pairs[pairs["canonical"].map(frequency) >= threshold]
    baskets = pairs.groupby("sample_id")["canonical"].apply(list)
    encoder = TransactionEncoder()
    items = pd.DataFrame.sparse.from_spmatrix(encoder.fit_transform(baskets, sparse=True), columns=encoder.columns_)
    itemsets = fpgrowth(items, min_support=2 * threshold / len(items), use_colnames=True, max_len=2)
    parent: dict[str, str] = {}
    if (itemsets["itemsets"].apply(len) == 2).any():
        rules = association_rules(itemsets, metric="confidence", min_threshold=MIN_CONFIDENCE)
        for rule in rules.sort_values("confidence").itertuples():
            (antecedent,), (consequent,) = rule.antecedents, rule.consequents
            if (frequency[consequent], antecedent) > (frequency[antecedent], consequent):
                parent[antecedent] = consequent

    def root(tag: str) -> str:
        while tag in parent:
            tag = parent[tag]
        return tag

    pairs = pairs.assign(normalized=pairs["canonical"].map(root))[["sample_id", "normalized"]].drop_duplicates()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    n_distinct, n_kept = tags["raw_tag"].nunique(), pairs["normalized"].nunique()
    found = {"seconds": seconds, "cpu": cpu, "note": ""}
    return {**found, "n_raw": len(tags), "n_distinct": n_distinct, "n_kept": n_kept}


def _columns(path: Path) -> list[Any]:
    table = pq.read_table(path, columns=["sample_id", "raw_tag"])
    return [table[name].cast("string") for name in ("sample_id", "raw_tag")]


def generate(n_samples: int, path: Path) -> None:
    """Write the generated tags of that many samples."""
    from tag_generator import generate_tags

    pq.write_table(generate_tags(n_samples).rows, path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--generate"]:
        generate(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
