"""How true is what judging_progress tells: the gain of every round by the run's own scores, beside the true qualities.

python bench/gain_quality.py             # 5,000 samples in 20 clusters, 400 kept, 2 seeds (a minute)
python bench/gain_quality.py --seeds 5
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from judging_quality import Trial

JUDGES = ["medium", "medium/strong/strong", "weak/strong/strong"]
ROUNDS = (1, 2, 3)


def shares(trial: Trial, n_kept: int) -> list[tuple[float, float]]:
    """Of every round the share of the final gain that is reached, as the table tells it and by the true qualities."""
    pipeline = trial.run({"selection_size": n_kept})
    gains = dict(pipeline.query("SELECT judging_round, gain FROM round_gains"))
    planned = dict(pipeline.query("SELECT cluster_id, n_planned FROM cluster_quotas"))
    lifts = {}
    for number in ROUNDS:
        scores = pipeline.table(f"scores_{number}").sort_values(["score", "sample_id"], ascending=[False, True])
        best = [members[: planned[cluster_id]] for cluster_id, members in scores.groupby("cluster_id")["sample_id"]]
        lifts[number] = trial.lift(pd.concat(best))
    return [(gains[number] / gains[3], lifts[number] / lifts[3]) for number in ROUNDS]


def main() -> None:
    """Print a line per judges and round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--n-samples", type=int, default=5_000)
    parser.add_argument("--n-kept", type=int, default=400)
    arguments = parser.parse_args()
    print(f"{'judges':22s} {'round':>5s} {'gain_share':>10s} {'true':>6s}")
    for judges in JUDGES:
        runs = [shares(Trial(seed, judges, arguments.n_samples), arguments.n_kept) for seed in range(arguments.seeds)]
        for number, (told, true) in zip(ROUNDS, np.array(runs).mean(axis=0), strict=True):
            print(f"{judges:22s} {number:5d} {told:10.3f} {true:6.3f}", flush=True)


if __name__ == "__main__":
    main()
