"""The SQL of normalization, judging and selection on DuckDB and on Spark, over the same generated tables.

    python bench/bench_spark.py                                    52,000 samples
    python bench/bench_spark.py --sizes 520000 2000000 --memory 8g

Both engines have two threads. Every engine and size is a process of its own. Tags, clusters, samples and what the judge
says are given; everything else is the project's models, run through SQLMesh's engine adapters without its planning.
Every table that both have made is compared, row counts and checksums of all columns: the benchmark fails where one
differs. Needs requirements/spark.txt and Java 17.
"""

# ruff: noqa: S608 - the SQL is made of names that are written here

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import machine

_ROOT = Path(__file__).resolve().parents[1]
_ENGINES = ("duckdb", "spark")
_STAGES = ("normalization", "judging", "selection")
_KEPT_PER_CLUSTER = 20
# Scores follow the quality of a sample, with noise that the id of the pair draws: the same on every engine.
_REPLIES = """
    SELECT
      pairs.pair_id, 'read' AS raw_reply,
      CASE WHEN noise.noise_key <> '000' THEN {{
        'first_score': CAST(LEAST(100, GREATEST(1, FLOOR((firsts.quality + noise.first_noise) / 10.0))) AS INT),
        'second_score': CAST(LEAST(100, GREATEST(1, FLOOR((seconds.quality + noise.second_noise) / 10.0))) AS INT)
      }} END AS scores,
      CASE WHEN noise.noise_key = '000' THEN 'invalid_json: nothing to read' END AS error, FALSE AS is_cut,
      1 AS n_attempts, '{judge}' AS model_name, CAST(NULL AS TEXT) AS request_key,
      CAST(NULL AS BIGINT) AS n_prompt_tokens, CAST(NULL AS BIGINT) AS n_completion_tokens, FALSE AS is_cached,
      CAST(NULL AS TIMESTAMP) AS requested_at, CAST(NULL AS TEXT) AS prompt_sha256, CAST(NULL AS TEXT) AS code_digest
    FROM tacos_internal.pairs_{judging_round} AS pairs
    INNER JOIN tacos_internal.qualities AS firsts ON firsts.sample_id = pairs.first_sample_id
    INNER JOIN tacos_internal.qualities AS seconds ON seconds.sample_id = pairs.second_sample_id
    INNER JOIN tacos_internal.noise AS noise ON noise.noise_key = SUBSTRING(pairs.pair_id, 1, 3)
"""


def generate(n_samples: int, folder: Path) -> None:
    """Write what both engines are given: a Parquet file per table, under its name."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from tag_generator import generate_tags

    rng = np.random.default_rng(0)
    tags = generate_tags(n_samples).rows
    ids = pc.unique(tags["sample_id"].cast("string"))
    n, n_clusters = len(ids), max(5, n_samples // 1040)
    weights = rng.lognormal(0, 1, n_clusters)
    text = "An answer of some length. " * 80
    lengths = np.minimum(2_000, rng.lognormal(5.5, 0.8, n)).astype(int)
    tables = {
        "tacos.raw_tags": tags.set_column(0, "sample_id", tags["sample_id"].cast("string")),
        "tacos.samples": pa.table(
            {
                "sample_id": ids,
                "instruction": pa.array(["A question"] * n),
                "response": pa.array([text[:length] for length in lengths]),
                "system_prompt": pa.nulls(n, "string"),
            }
        ),
        "tacos.clusters": pa.table(
            {
                "sample_id": ids,
                "cluster_id": pa.array(rng.choice(n_clusters, n, p=weights / weights.sum()), "int32"),
                "n_tags": pa.array(np.ones(n), "int32"),
                "is_primary": pa.array(np.full(n, True)),
            }
        ),
        "tacos_internal.qualities": pa.table(
            {"sample_id": ids, "quality": (700 + 120 * rng.normal(size=n)).astype(int)}
        ),
        "tacos_internal.noise": pa.Table.from_pandas(
            pd.DataFrame(
                {
                    "noise_key": [f"{number:03x}" for number in range(4_096)],
                    "first_noise": rng.normal(0, 80, 4_096).astype(int),
                    "second_noise": rng.normal(0, 80, 4_096).astype(int),
                }
            )
        ),
        "tacos_internal.singleton_scores": pa.table(
            {"sample_id": pa.array([], "string"), "score": pa.array([], "int32")}
        ),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=100_000)


def child(engine: str, folder: Path) -> None:
    """Make the tables on one engine, in this process, and print what that took."""
    from engine_runner import EngineRunner, Meter
    from sqlglot import parse_one
    from sqlmesh import Context

    meter = Meter()
    inputs = {path.stem: path for path in folder.glob("tacos*.parquet")}
    (n_clusters,) = duckdb.sql(f"SELECT COUNT(DISTINCT cluster_id) FROM '{inputs['tacos.clusters']}'").fetchall()[0]
    with meter.step("start"):
        context = Context(paths=str(_ROOT))
        runner = EngineRunner(context, {"selection_size": _KEPT_PER_CLUSTER * n_clusters})
        if engine == "duckdb":
            context.engine_adapter.execute("SET threads = 2; SET memory_limit = '8GB'")
    with meter.step("loading"):
        for name, path in inputs.items():
            runner.load(name, path)
    there, stages = set(inputs), dict.fromkeys(inputs, "")
    for fqn in context.dag.sorted:
        model = context.models.get(fqn)
        stage = next(iter({*_STAGES} & set(model.tags)), None) if model else None
        if model is None or stage is None or model.name in there or model.name == "tacos.selection_history":
            continue
        judging_round = model.name.removeprefix("tacos_internal.pair_replies_")
        if {context.models[parent].name for parent in model.depends_on or () if parent in context.models} - there:
            continue  # it tells of more than these stages, or asks a model
        if judging_round.isdigit():
            with meter.step("replies"):
                query = _REPLIES.format(judging_round=judging_round, judge=f"judge {min(int(judging_round), 2)}")
                context.engine_adapter.ctas(model.fqn, parse_one(query, dialect="duckdb"))
        elif stage == "judging" and model.is_python:
            continue
        else:
            with meter.step("rendering"):
                runner.render(model)
            with meter.step(stage), meter.step(model.name):
                runner.make(model)
        there.add(model.name)
        if not (model.kind.is_view or model.kind.is_embedded):
            stages[model.name] = stage
    print(json.dumps({"steps": meter.steps, "stages": stages}))


def measured(engine: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What one engine took, in a process of its own."""
    environment = dict(os.environ) | {
        "TACOS_GATEWAY": "local" if engine == "duckdb" else engine,
        "TACOS_DATABASE": str(folder / "project.duckdb"),
        "TACOS_CACHE": str(folder / "cache.sqlite"),
        "TACOS_SPARK_FOLDER": str(folder / "spark"),
        "TACOS_SPARK_MASTER": "local[2]",
        "TACOS_SPARK_MEMORY": options.memory,
        "TACOS_SPARK_PARTITIONS": str(options.partitions),
        "TACOS_SPARK_CODEGEN": "true",
    }
    (folder / "spark").mkdir(exist_ok=True)
    command = [sys.executable, __file__, "--child", engine, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Figures per stage, in all, and of the slowest tables."""
    steps = {name: {key: round(value, 2) for key, value in taken.items()} for name, taken in found["steps"].items()}
    stages = {name: steps[name] for name in _STAGES}
    total = {key: round(sum(stage[key] for stage in stages.values()), 2) for key in ("seconds", "cpu_seconds")}
    total["peak_gb"] = max(stage["peak_gb"] for stage in stages.values())
    tables = sorted((name for name in steps if "." in name), key=lambda name: -steps[name]["cpu_seconds"])
    beside = {name: steps[name] for name in ("start", "loading", "rendering", "replies")}
    return {"in all": total, **stages, "beside": beside, "slowest": {name: steps[name] for name in tables[:12]}}


def compared(folder: Path, tables: list[str]) -> dict[str, int]:
    """Rows of every table, where both engines made the same.

    Raises:
        SystemExit: tables differ, in their number of rows or in the checksum of all their columns.
    """
    rows, differing = {}, []
    with duckdb.connect(str(folder / "project.duckdb"), read_only=True) as connection:
        for table in tables:
            columns = connection.execute(f"DESCRIBE {table}").fetchall()
            values = ", ".join(f'"{name}"::{kind}' for name, kind, *_ in columns)
            schema, _, name = table.partition(".")
            files = folder / "spark/warehouse" / f"{schema}.db" / name
            checksum = f"SELECT COUNT(*), SUM(HASH({values})::HUGEINT) FROM "
            on_duckdb = connection.execute(checksum + table).fetchall()[0]
            on_spark = (0, None)
            if any(files.glob("*.parquet")):
                on_spark = connection.execute(f"{checksum} '{files}/*.parquet'").fetchall()[0]
            rows[table] = on_duckdb[0]
            if on_duckdb != on_spark:
                differing.append(f"{table}: {on_duckdb} on DuckDB, {on_spark} on Spark")
    if differing:
        raise SystemExit("\n".join(differing))
    return rows


def main() -> None:
    """Measure every size on both engines, compare, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[52_000])
    parser.add_argument("--memory", default="8g", help="of Spark's driver")
    parser.add_argument("--partitions", type=int, default=8, help="of a shuffle on Spark")
    parser.add_argument("--folder", type=Path, help="where the tables are made and stay")
    parser.add_argument("--out", type=Path, help="write the JSON here, too, after every size")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    result: dict[str, Any] = {"benchmark": "spark", "machine": machine.describe(), "sizes": {}}
    result["settings"] = {name: getattr(options, name) for name in ("memory", "partitions")}
    for n_samples in options.sizes:
        with tempfile.TemporaryDirectory(prefix="tacos_bench_", dir=options.folder) as name:
            folder = Path(name)
            command = [sys.executable, "-c", f"import bench_spark as b; b.generate({n_samples}, b.Path({name!r}))"]
            subprocess.run(command, check=True, cwd=Path(__file__).parent)  # noqa: S603
            found = {engine: measured(engine, folder, options) for engine in _ENGINES}
            rows = compared(folder, list(found["duckdb"]["stages"]))
        engines = {engine: summary(found[engine]) for engine in _ENGINES}
        result["sizes"][str(n_samples)] = engines | {"rows": rows, "load_average": os.getloadavg()[0]}
        machine.write(result, options.out)


if __name__ == "__main__":
    main()
