"""What 1% new samples cost in judge calls: those of the grown dataset that are not paid for already.

    python bench/bench_judging_growth.py

The medium simulated judge stands in the place of the LLM; the old samples' answers are the same in both runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judge_simulator import Panel, World

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from judging_pipeline import JudgingPipeline, sample_ids

SHARE = 0.01
# Clusters, samples in each, and the settings that matter; 20 kept in each where a size is named.
CASES: list[tuple[int, int, dict[str, Any]]] = [
    (20, 250, {"judge_calls_per_sample": 1.5}),
    (20, 250, {"judge_calls_per_sample": 1.5, "selection_size": 400}),
    (20, 250, {"judge_calls_per_sample": 1.0}),
    (20, 250, {"judge_calls_per_sample": 2.0}),
    (1, 1_000, {"judge_calls_per_sample": 1.5, "selection_size": 20}),
]


def new_calls_per_new_sample(n_clusters: int, size: int, variables: dict[str, Any], seed: int = 0) -> float:
    """Ordered pairs that are judged with the new samples and were not without them, for each new sample."""
    world = World(seed, [size] * n_clusters)
    ids = np.array(sample_ids(range(world.quality.size), seed))
    panel = Panel(world, list(ids), ["medium"])
    is_new = np.random.default_rng(seed).permutation(ids.size) < SHARE * ids.size
    paid: list[set[tuple[str, str]]] = []
    for there in (~is_new, np.ones(ids.size, dtype=bool)):
        pipeline = JudgingPipeline({"max_failure_share": 0.1} | variables)
        clusters = pd.DataFrame({"sample_id": ids[there], "cluster_id": world.cluster_ids[there]})
        pipeline.run(clusters[["sample_id"]], clusters, panel, has_audits=False)
        paid.append(set(pipeline.query("SELECT first_sample_id, second_sample_id FROM tacos.pairs")))
    return len(paid[1] - paid[0]) / is_new.sum()


def main() -> None:
    """Print the mean of three seeds for every case."""
    print(f"{SHARE:.0%} of the samples are new, 3 seeds")
    for n_clusters, size, variables in CASES:
        calls = [new_calls_per_new_sample(n_clusters, size, variables, seed) for seed in range(3)]
        settings = ", ".join(f"{name}: {value}" for name, value in variables.items())
        print(
            f"{n_clusters:>2} x {size:>5,} samples, {settings}: {np.mean(calls):.1f} ({max(calls):.1f} at most)",
            flush=True,
        )


if __name__ == "__main__":
    main()
