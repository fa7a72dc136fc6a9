"""How long the SQL of judging and selection takes: pairs, estimator and selection, the judgments given.

    python bench/bench_judging.py                                  # 520,000 candidates in 500 clusters
    python bench/bench_judging.py --n-samples 52000 --n-clusters 50

Runs the project's queries on DuckDB with 2 threads and 8 GB; prints seconds per table and the peak memory of the
process. The judge is a function here, its time is not counted.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from judging_pipeline import JudgingPipeline, sample_ids


def main() -> None:
    """Run once and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=520_000)
    parser.add_argument("--n-clusters", type=int, default=500)
    parser.add_argument("--n-kept-per-cluster", type=int, default=20)
    parser.add_argument("--calls-per-sample", type=float, default=1.5)
    parser.add_argument("--profile", choices=("halving", "paper"), default="halving")
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    ids = sample_ids(range(arguments.n_samples))
    weights = rng.lognormal(0, 1, arguments.n_clusters)
    cluster_ids = rng.choice(arguments.n_clusters, arguments.n_samples, p=weights / weights.sum())
    qualities = pd.Series(rng.normal(size=arguments.n_samples), index=ids)

    def judge(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        drift = rng.normal(size=len(pairs))
        first = qualities.reindex(pairs["first_sample_id"]).to_numpy() + 0.5 * drift
        second = qualities.reindex(pairs["second_sample_id"]).to_numpy() + 0.5 * drift
        return tuple(
            np.clip(np.round(70 + 12 * (value + 0.4 * rng.normal(size=len(pairs)))), 1, 100)
            for value in (first, second)
        )

    variables = {
        "judging_profile": arguments.profile,
        "judge_calls_per_sample": arguments.calls_per_sample,
        "selection_size": arguments.n_kept_per_cluster * arguments.n_clusters,
    }
    pipeline = JudgingPipeline(variables, {"threads": 2, "memory_limit": "8GB"})
    started = time.perf_counter()
    pipeline.run(
        pd.DataFrame({"sample_id": ids}),
        pd.DataFrame({"sample_id": ids, "cluster_id": cluster_ids}),
        judge,
        has_audits=False,
    )
    wall = time.perf_counter() - started
    seconds = dict(pipeline.seconds)
    judging = seconds.pop("judge", 0.0)
    for table, spent in seconds.items():
        print(f"{table:22s} {spent:7.2f} s")
    counts = pipeline.table("selection_counts").iloc[0]
    print(f"{'SQL in all':22s} {sum(seconds.values()):7.2f} s")
    print(f"{'judge and loading':22s} {wall - sum(seconds.values()):7.2f} s (of which the judge {judging:.2f} s)")
    print(
        f"{counts.n_candidates:,} candidates, {counts.n_clusters} clusters, {counts.n_judge_calls:,} calls, "
        f"{counts.n_selected:,} selected; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"
    )


if __name__ == "__main__":
    main()
