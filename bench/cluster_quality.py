"""How well clusters agree with 20 kinds of instructions, by membership rule, and how long placing samples takes.

    python bench/cluster_quality.py                      # agreement, 5 seeds
    python bench/cluster_quality.py --samples 520000     # seconds to place that many samples in 50 clusters

Instructions and tags: bench/data/instructions_by_kind.jsonl. The models are the project's own, from raw tags on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from membership_rules import clusters_by_rule
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sqlmesh import Context

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from stage_runner import StageRunner  # noqa: E402 - found by the path above

KINDS = ROOT / "bench" / "data" / "instructions_by_kind.jsonl"
SEEDS = range(5)
RULES: dict[str, dict[str, object]] = {
    "samples, by the mean of their tags (default)": {"cluster_on": "samples"},
    "tags, the cluster of most of a sample's tags (paper)": {"cluster_on": "tags"},
}
N_TAGS, N_CLUSTERS = 1_000, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, help="measure placing that many made-up samples instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TACOS_DATABASE"], os.environ["TACOS_CACHE"] = f"{folder}/w.duckdb", f"{folder}/c.sqlite"
        context = Context(paths=str(ROOT))
        if options.samples:
            place(context, options.samples, Path(folder))
        else:
            agree(context)
        context.close()


def agree(context: Context) -> None:
    """Print the agreement of clusters and kinds, by rule."""
    items = [json.loads(line) for line in KINDS.read_text(encoding="utf-8").splitlines()]
    kinds = {f"s{at:03}": item["kind"] for at, item in enumerate(items)}
    tags = [(f"s{at:03}", tag) for at, item in enumerate(items) for tag in item["tags"]]
    n_kinds = len(set(kinds.values()))
    print(f"{len(items)} instructions of {n_kinds} kinds, {len(SEEDS)} seeds, mean (spread)")
    print(f"{'rule':<54} {'AMI':>12} {'ARI':>12} {'untagged':>9} {'seeds alike':>12}")
    found: dict[str, list[dict[str, int]]] = {}
    for seed in SEEDS:
        given = {"n_clusters": n_kinds, "random_seed": seed, "cluster_refit": "cold"}
        for name, variables in RULES.items():
            connection = duckdb.connect(config={"threads": 2})
            runner = StageRunner(context, ["normalization", "clustering"], connection, {**variables, **given})
            runner.set_table("tacos.raw_tags", pd.DataFrame(tags, columns=["sample_id", "raw_tag"]))
            runner.set_table("tacos.samples", pd.DataFrame({"sample_id": list(kinds)}))
            runner.run()
            rows = connection.sql("SELECT sample_id, cluster_id FROM tacos.clusters WHERE is_primary").fetchall()
            found.setdefault(name, []).append(dict(rows))
        model = str(context.config.variables["embedding_model"])
        for name, clusters in clusters_by_rule(connection, model, n_kinds, seed):
            found.setdefault(name, []).append(clusters)
    for name, clusters_by_seed in found.items():
        show(name, list(kinds.values()), [[found.get(sample, -1) for sample in kinds] for found in clusters_by_seed])


def show(name: str, truth: list[str], labels: list[list[int]]) -> None:
    """Print a row: agreement of the clusters of each seed with the kinds, and with each other."""
    ami = [adjusted_mutual_info_score(truth, found) for found in labels]
    ari = [adjusted_rand_score(truth, found) for found in labels]
    alike = [adjusted_rand_score(one, other) for at, one in enumerate(labels) for other in labels[:at]]
    untagged = np.mean([cluster < 0 for found in labels for cluster in found])
    print(
        f"{name:<54} {np.mean(ami):>6.3f} ({np.std(ami):.2f}) {np.mean(ari):>5.3f} ({np.std(ari):.2f})"
        f" {untagged:>8.1%} {np.mean(alike):>12.2f}",
        flush=True,
    )


def place(context: Context, n_samples: int, folder: Path) -> None:
    """Print how long the models from dot products to clusters take, on made-up vectors."""
    choose = np.random.default_rng(0)
    connection = duckdb.connect(str(folder / "bench.duckdb"), config={"threads": 2, "memory_limit": "6GB"})
    runner = StageRunner(context, ["clustering"], connection, {"n_clusters": N_CLUSTERS, "cluster_refit": "cold"})
    vectors = choose.normal(size=(N_TAGS, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"tag {number}" for number in range(N_TAGS)]
    # Frequencies fall as in real tags; three to four tags a sample.
    drawn = (N_TAGS * choose.random(size=(n_samples, 4)) ** 2).astype(int)
    flat = pd.DataFrame({"number": np.repeat(np.arange(n_samples), 4), "tag": drawn.ravel()}).drop_duplicates()
    connection.register("drawn", flat)
    connection.execute("""CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal;
        CREATE TABLE tacos_internal.placement_tags AS
        SELECT MD5(number::TEXT) AS sample_id, 'tag ' || tag AS tag, TRUE AS is_normalized FROM drawn;
        CREATE TABLE tacos.normalized_tags AS
        SELECT sample_id, tag AS normalized_tag FROM tacos_internal.placement_tags;
        CREATE TABLE tacos.samples AS SELECT DISTINCT sample_id FROM tacos_internal.placement_tags""")
    counts = flat["tag"].value_counts().reindex(range(N_TAGS), fill_value=0)
    runner.set_table(
        "tacos_internal.tag_embeddings",
        pd.DataFrame(
            {
                "tag": names,
                "is_normalized": True,
                "n_samples": counts.to_numpy(),
                "embedding": vectors.astype(np.float32).tolist(),
                "embedding_model": "made up",
            }
        ),
    )
    made = {"tacos_internal.placement_tags", "tacos_internal.tag_embeddings"}
    print(f"{n_samples:,} samples, {len(flat):,} tags, {N_CLUSTERS} clusters, 2 threads")
    for model in runner.models:
        if model.name not in made:
            started, cpu = time.perf_counter(), time.process_time()
            runner.run_models([model.name])
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
            print(f"{model.name:<36} {seconds:>7.1f} s {cpu_seconds:>7.1f} CPU s", flush=True)


if __name__ == "__main__":
    main()
