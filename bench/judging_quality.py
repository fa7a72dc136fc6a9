"""How good the kept samples are for the judge calls paid: the project's SQL against a judge with known true qualities.

    python bench/judging_quality.py                  # tables of judge x design, 5 seeds (about a minute)
    python bench/judging_quality.py --seeds 1 --http # one seed, also through a judge server on loopback
    python bench/judging_quality.py --plot docs/judging_quality.svg # and the plot of the README

The judge is the simulator beside the project (../shared/tools/judge_simulator.py: strong, medium and weak profiles
fitted to published two-order judgments). Lift is the mean true quality of the kept samples above their cluster's mean,
as a share of what an oracle reaches with the same number from each cluster.

Hundreds of thousands of calls would spend the time on HTTP, so most runs put the judge in the place of the Python
model. With ``--http`` one run per design sends every request through the engine to a server, and must select the same.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SIMULATOR = PROJECT_ROOT.parent / "shared" / "tools"
sys.path.insert(0, str(SIMULATOR))
sys.path.insert(0, str(PROJECT_ROOT / "tests" / "python"))

from judging_pipeline import Judge, JudgingPipeline, sample_ids  # noqa: E402 - found by the path above

DESIGNS: dict[str, dict[str, Any]] = {
    "paper, both orders": {"judging_profile": "paper"},
    "halving, 1.0": {"judge_calls_per_sample": 1.0},
    "halving, 1.5": {"judge_calls_per_sample": 1.5},
    "halving, 2.0": {"judge_calls_per_sample": 2.0},
}
N_CLUSTERS = 20


class SimulatedJudge:
    """The simulator's judge for one world of samples, who belong to clusters of equal size.

    Args:
        seed: of the true qualities and of the judge's noise.
        profile: ``strong``, ``medium`` or ``weak``.
        n_samples: number of samples.
    """

    def __init__(self, seed: int, profile: str, n_samples: int) -> None:
        import judge_simulator

        sizes = [n_samples // N_CLUSTERS] * N_CLUSTERS
        self.world = judge_simulator.World(judge_simulator.SEED + seed, N_CLUSTERS, None, profile, sizes=sizes)
        self.ids = sample_ids(range(self.world.N), seed)
        self._numbers = pd.Series(np.arange(self.world.N), index=self.ids)

    def __call__(self, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Scores of both samples, NaN where the judge fails (2% of the calls)."""
        return self.world.call(
            self._numbers[pairs["first_sample_id"]].to_numpy(), self._numbers[pairs["second_sample_id"]].to_numpy()
        )

    def lift(self, kept_ids: pd.Series) -> float:
        """Share of an oracle's gain over the cluster means that the kept samples have."""
        kept = self._numbers[kept_ids].to_numpy()
        gain = best = 0.0
        for cluster_id in range(N_CLUSTERS):
            members = self.world.q[self.world.cl == cluster_id]
            chosen = self.world.q[kept[self.world.cl[kept] == cluster_id]]
            gain += (chosen - members.mean()).sum()
            best += (np.sort(members)[::-1][: len(chosen)] - members.mean()).sum()
        return gain / best

    def run(self, variables: dict[str, Any], judge: Judge | None = None) -> JudgingPipeline:
        """Judge and select by the project's SQL."""
        pipeline = JudgingPipeline({"max_failure_share": 0.1} | variables)
        samples = pd.DataFrame(
            {"sample_id": self.ids, "instruction": [f"sample {sample_id}" for sample_id in self.ids]}
        )
        clusters = pd.DataFrame({"sample_id": self.ids, "cluster_id": self.world.cl})
        pipeline.run(samples, clusters, judge or self, has_audits=False)
        return pipeline


def judge_over_http(judge: SimulatedJudge) -> Judge:
    """The same judge behind a loopback server, asked by the project's engine with the project's prompt."""
    from fake_endpoint import Behaviour, FakeEndpoint

    from python_models.judging.pairs import JudgingOptions, judge_pairs
    from python_models.prompts import prompt_text

    def answer(prompt: str) -> tuple[int, int]:
        first, second = dict.fromkeys(re.findall(r"sample ([0-9a-f]{32})", prompt))
        scores = judge(pd.DataFrame({"first_sample_id": [first], "second_sample_id": [second]}))
        # A failed call of the simulator is a reply that cannot be read.
        return tuple(0 if np.isnan(score[0]) else int(score[0]) for score in scores)

    options = JudgingOptions(
        model_name="simulated",
        prompts={"judge": prompt_text("judge_pair.txt"), "schema": prompt_text("judge_reply.schema.json")},
        max_prompt_chars=1_000,
        max_attempts=1,
    )

    def ask(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        rows = [
            {
                "pair_id": pair.pair_id,
                "first_instruction": f"sample {pair.first_sample_id}",
                "first_response": "answer",
                "second_instruction": f"sample {pair.second_sample_id}",
                "second_response": "answer",
            }
            for pair in pairs.itertuples()
        ]
        with FakeEndpoint(Behaviour(judge=answer), keeps_bodies=False) as server:
            os.environ["OPENAI_BASE_URL"] = server.base_url
            replies = [row for batch in judge_pairs([rows], options, len(rows)) for row in batch.to_pylist()]
        scores = {row["pair_id"]: row["scores"] or {} for row in replies}
        return tuple(
            np.array([scores[pair_id].get(name, np.nan) for pair_id in pairs["pair_id"]], dtype=float)
            for name in ("first_score", "second_score")
        )

    return ask


def main() -> None:
    """Run all designs and print a table; with ``--json`` write the figures of every run as well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=5_000)
    parser.add_argument("--n-kept", type=int, default=400, help="20 of each of the 20 clusters, as in the paper")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--profiles", nargs="+", default=["strong", "medium", "weak"])
    parser.add_argument("--http", action="store_true", help="repeat the medium judge's first seed over HTTP")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="an SVG of lift by calls per sample")
    arguments = parser.parse_args()
    if not (SIMULATOR / "judge_simulator.py").exists():
        sys.exit(f"The simulator of the judge is not at {SIMULATOR}.")

    runs = []
    print(f"{arguments.n_samples:,} samples, {N_CLUSTERS} clusters, {arguments.n_kept:,} kept, {arguments.seeds} seeds")
    print(f"{'judge':8s} {'design':20s} {'calls per sample':>16s} {'lift':>7s}  95% interval   above the paper")
    for profile in arguments.profiles:
        judges = [SimulatedJudge(seed, profile, arguments.n_samples) for seed in range(arguments.seeds)]
        base: np.ndarray | None = None
        for design, variables in DESIGNS.items():
            lifts, calls = [], []
            for judge in judges:
                pipeline = judge.run(variables | {"selection_size": arguments.n_kept})
                lifts.append(judge.lift(pipeline.table("selected")["sample_id"]))
                calls.append(pipeline.query("SELECT COUNT(*) FROM tacos.pairs")[0][0] / judge.world.N)
            values = np.array(lifts)
            base = values if base is None else base
            print(
                f"{profile:8s} {design:20s} {np.mean(calls):16.2f} {values.mean():7.3f}  "
                f"{interval(values):14s} {(values - base).mean():+.3f} {interval(values - base)}",
                flush=True,
            )
            runs += [
                {"judge": profile, "design": design, "calls_per_sample": n_calls, "lift": lift}
                for n_calls, lift in zip(calls, lifts, strict=True)
            ]
    if arguments.http:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TACOS_CACHE"] = str(Path(folder) / "cache.sqlite")
            judge = SimulatedJudge(0, "medium", arguments.n_samples)
            for design, variables in DESIGNS.items():
                variables = variables | {"selection_size": arguments.n_kept}
                direct = judge.run(variables).table("selected")
                served = judge.run(variables, judge_over_http(judge)).table("selected")
                same = direct["sample_id"].equals(served["sample_id"])
                print(f"over HTTP: {design:20s} the same selection: {same}", flush=True)
                if not same:
                    sys.exit("The selection over HTTP differs from that of the function.")
    if arguments.json:
        arguments.json.write_text(json.dumps(runs, indent=1), encoding="utf-8")
    if arguments.plot:
        plot(pd.DataFrame(runs), arguments.plot)


def half_width(values: np.ndarray) -> float:
    """Half width of the 95% interval of the mean over seeds (Student's t); NaN for one seed."""
    from scipy.stats import t

    if len(values) < 2:
        return float("nan")
    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)


def interval(values: np.ndarray) -> str:
    """The half width as text, empty for one seed."""
    return f"± {half_width(values):.3f}" if len(values) > 1 else ""


def plot(runs: pd.DataFrame, path: Path) -> None:
    """Mean lift of every judge and design by the calls paid, with 95% intervals; the same file for the same runs."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "tacos"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    for number, (judge, of_judge) in enumerate(runs.groupby("judge", sort=False)):
        points = of_judge.groupby("design", sort=False).agg(
            calls=("calls_per_sample", "mean"),
            lift=("lift", "mean"),
            half_width=("lift", lambda lifts: half_width(lifts.to_numpy())),
        )
        is_paper = points.index.str.startswith("paper")
        points.loc[is_paper, "calls"] -= 0.02  # beside the other design's interval, not on it
        for part, style, name in ((points[~is_paper], "o-", "halving"), (points[is_paper], "x", "paper")):
            axes.errorbar(
                part["calls"], part["lift"], part["half_width"].fillna(0), fmt=style, color=f"C{number}", capsize=3,
                markersize=8 if name == "paper" else 5, label=f"{judge} judge, {name}",
            )  # fmt: skip
    axes.set(xlabel="judge calls per sample", ylabel="lift (0: random, 1: oracle)", ylim=(0.6, 1.0))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
