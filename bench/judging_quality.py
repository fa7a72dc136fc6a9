"""How good the kept samples are for the judge calls paid: the project's SQL against judges with known true qualities.

    python bench/judging_quality.py                  # tables of judges x design, 5 seeds (minutes)
    python bench/judging_quality.py --seeds 1 --http # one seed, also through a judge server on loopback
    python bench/judging_quality.py --judges medium weak/strong/strong # these only; with slashes: one for each round
    python bench/judging_quality.py --plot docs/judging_quality.svg # and the plot of the README
    python bench/judging_quality.py --judges strong medium weak --calls 0.5 0.6 0.7 0.8 # for the paper's lift

The judges are simulated (``judge_simulator.py``: strong, medium and weak profiles, calibrated on published two-order
judgments). Lift is the mean true quality of the kept samples above their cluster's mean, as a share of what an oracle
reaches with the same number from each cluster.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from judge_simulator import Panel, World

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from judging_pipeline import Judge, JudgingPipeline, sample_ids

PAPER = "paper, both orders"
CALLS = [1.0, 1.5, 2.0]
JUDGES = ["strong", "medium", "weak", "medium/strong/strong", "medium/medium/strong", "weak/strong/strong"]
N_CLUSTERS = 20
MODELS = {"medium": "gpt-6-luna", "strong": "gpt-6.1-terra"}
"""The default models, by the profile at whose price they are entered; that they judge as well is not measured."""


class Trial:
    """One world and the judges who see it.

    Args:
        seed: of the true qualities and of the judges' errors.
        judges: a judge, or the judges of the rounds with slashes between them.
        n_samples: number of samples, in clusters of equal size.
    """

    def __init__(self, seed: int, judges: str, n_samples: int) -> None:
        self.world = World(seed, [n_samples // N_CLUSTERS] * N_CLUSTERS)
        self.ids = sample_ids(range(self.world.quality.size), seed)
        self.panel = Panel(self.world, self.ids, judges.split("/"))
        self._numbers = pd.Series(np.arange(len(self.ids)), index=self.ids)

    def lift(self, kept_ids: pd.Series) -> float:
        """Share of an oracle's gain over the cluster means that the kept samples have."""
        kept = self._numbers[kept_ids].to_numpy()
        gain = best = 0.0
        for cluster_id in range(N_CLUSTERS):
            members = self.world.quality[self.world.cluster_ids == cluster_id]
            chosen = self.world.quality[kept[self.world.cluster_ids[kept] == cluster_id]]
            gain += (chosen - members.mean()).sum()
            best += (np.sort(members)[::-1][: len(chosen)] - members.mean()).sum()
        return gain / best

    def run(self, variables: dict[str, Any], judge: Judge | None = None) -> JudgingPipeline:
        """Judge and select by the project's SQL."""
        pipeline = JudgingPipeline({"max_failure_share": 0.1} | variables)
        samples = pd.DataFrame(
            {"sample_id": self.ids, "instruction": [f"sample {sample_id}" for sample_id in self.ids]}
        )
        clusters = pd.DataFrame({"sample_id": self.ids, "cluster_id": self.world.cluster_ids})
        pipeline.run(samples, clusters, judge or self.panel, judge_names=self.panel.names, has_audits=False)
        return pipeline

    def measure(self, variables: dict[str, Any]) -> dict[str, float]:
        """Calls per sample, those of them that the last judge answered, and the lift of a design."""
        pipeline = self.run(variables)
        rounds = [row[0] for row in pipeline.query("SELECT judging_round FROM tacos.pairs")]
        last = sum(self.panel.name_of(number) == self.panel.names[-1] for number in rounds)
        return {
            "calls_per_sample": len(rounds) / len(self.ids),
            "last_judge_calls": last / len(self.ids),
            "lift": self.lift(pipeline.table("selected")["sample_id"]),
        }


def call_usd() -> dict[str, float]:
    """US dollars of a call by profile, as ``tacos estimate`` counts it on the bundled samples; nothing is cached."""
    from python_models.cli.estimation import JudgingSize, StageEstimate, distinct_samples
    from python_models.llm.spending.prices import read_prices
    from python_models.prompts import prompt_text
    from python_models.settings import PROJECT_ROOT
    from python_models.source.records import read_records

    size = JudgingSize(prompt_text("judge_pair.txt"), 12_000)
    for sample in distinct_samples(read_records(str(PROJECT_ROOT / "seeds/sample_dataset.jsonl"), "")):
        size.add(sample)
    estimates = {name: size.fill_in(StageEstimate("judging", model), 1_000) for name, model in MODELS.items()}
    return {name: (each.set_cost(read_prices()).cost_usd or 0.0) / 1_000 for name, each in estimates.items()}


def usd_per_sample(judges: str, run: dict[str, float], usd: dict[str, float]) -> float:
    """US dollars per sample of a run; NaN if a judge stands for no model."""
    first, last = judges.split("/")[0], judges.split("/")[-1]
    n_last = run["last_judge_calls"]
    by_first = (run["calls_per_sample"] - n_last) * usd.get(first, float("nan")) if first != last else 0.0
    return by_first + n_last * usd.get(last, float("nan"))


def judge_over_http(panel: Panel) -> Judge:
    """The same judges behind a loopback server, asked by the project's engine with the project's prompt."""
    from fake_endpoint import Behaviour, FakeEndpoint

    from python_models.judging.pairs import JudgingOptions, judge_pairs
    from python_models.prompts import prompt_text

    def server_of(judging_round: int) -> FakeEndpoint:
        def answer(prompt: str) -> tuple[int, int]:
            first, second = dict.fromkeys(re.findall(r"sample ([0-9a-f]{32})", prompt))
            pair = {"judging_round": [judging_round], "first_sample_id": [first], "second_sample_id": [second]}
            # A failed call of the simulator is a reply that cannot be read.
            return tuple(0 if np.isnan(score[0]) else int(score[0]) for score in panel(pd.DataFrame(pair)))

        return FakeEndpoint(Behaviour(judge=answer), keeps_bodies=False)

    def ask(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        judging_round = int(pairs["judging_round"].iloc[0])
        options = JudgingOptions(
            model_name=panel.name_of(judging_round),
            prompts={"judge": prompt_text("judge_pair.txt"), "schema": prompt_text("judge_reply.schema.json")},
            max_prompt_chars=1_000,
            max_attempts=1,
        )
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
        with server_of(judging_round) as server:
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
    parser.add_argument("--judges", nargs="+", default=JUDGES, help="a judge, or those of the rounds: medium/strong")
    parser.add_argument("--calls", nargs="+", type=float, default=CALLS, help="calls per sample, 0.5 to 4")
    parser.add_argument("--http", action="store_true", help="repeat the first judges' first seed over HTTP")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="an SVG of lift by dollars")
    arguments = parser.parse_args()

    runs = []
    usd = call_usd()
    print(f"{arguments.n_samples:,} samples, {N_CLUSTERS} clusters, {arguments.n_kept:,} kept, {arguments.seeds} seeds")
    print(f"{'judges':20s} {'design':18s} {'calls per sample':>16s} {'last judge':>10s} ", end="")
    print(f"{'usd per 10,000':>14s} {'lift':>7s}  95% interval")
    for judges in arguments.judges:
        trials = [Trial(seed, judges, arguments.n_samples) for seed in range(arguments.seeds)]
        base: np.ndarray | None = None
        for design, variables in designs_of(judges, arguments.calls).items():
            of_design = [trial.measure(variables | {"selection_size": arguments.n_kept}) for trial in trials]
            for run in of_design:
                run["usd_per_sample"] = usd_per_sample(judges, run, usd)
            runs += [{"judges": judges, "design": design, **run} for run in of_design]
            means = pd.DataFrame(of_design).mean()
            lifts = np.array([run["lift"] for run in of_design])
            line = f"{judges:20s} {design:18s} {means['calls_per_sample']:16.2f} {means['last_judge_calls']:10.2f}"
            line += f" {10_000 * means['usd_per_sample']:14.2f}"
            line += f" {lifts.mean():7.3f}  {interval(lifts)}"
            if base is not None:
                line += f"   {(lifts - base).mean():+.3f} {interval(lifts - base)} above the paper"
            elif design == PAPER:
                base = lifts
            print(line, flush=True)
    if arguments.http:
        repeat_over_http(arguments.judges[0], arguments.n_samples, arguments.n_kept, arguments.calls)
    if arguments.json:
        arguments.json.write_text(json.dumps(runs, indent=1), encoding="utf-8")
    if arguments.plot:
        plot(pd.DataFrame(runs), arguments.plot)


def designs_of(judges: str, calls: Sequence[float]) -> dict[str, dict[str, Any]]:
    """The designs that the judges can work in, by name: the paper's has one round, so only one judge."""
    designs: dict[str, dict[str, Any]] = {} if "/" in judges else {PAPER: {"judging_profile": "paper"}}
    return designs | {f"halving, {n_calls}": {"judge_calls_per_sample": n_calls} for n_calls in calls}


def repeat_over_http(judges: str, n_samples: int, n_kept: int, calls: Sequence[float]) -> None:
    """Run every design of the judges with and without HTTP; exits where the selections differ."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TACOS_CACHE"] = str(Path(folder) / "cache.sqlite")
        trial = Trial(0, judges, n_samples)
        for design, variables in designs_of(judges, calls).items():
            direct = trial.run(variables | {"selection_size": n_kept}).table("selected")
            served = trial.run(variables | {"selection_size": n_kept}, judge_over_http(trial.panel)).table("selected")
            same = direct["sample_id"].equals(served["sample_id"])
            print(f"over HTTP: {judges}, {design:20s} the same selection: {same}", flush=True)
            if not same:
                sys.exit("The selection over HTTP differs from that of the function.")


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
    """Mean lift of every priced design by dollars, with 95% intervals; the same file for the same runs."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "tacos"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    priced = runs.dropna(subset="usd_per_sample")
    for number, (judges, of_judges) in enumerate(priced.groupby("judges", sort=False)):
        points = of_judges.groupby("design", sort=False).agg(
            usd=("usd_per_sample", lambda usd: 10_000 * usd.mean()),
            lift=("lift", "mean"),
            half_width=("lift", lambda lifts: half_width(lifts.to_numpy())),
        )
        is_paper = points.index == PAPER
        for part, style, name in ((points[~is_paper], "o-", "halving"), (points[is_paper], "x", "paper")):
            if len(part):
                axes.errorbar(
                    part["usd"], part["lift"], part["half_width"].fillna(0), fmt=style, color=f"C{number}", capsize=3,
                    markersize=8 if name == "paper" else 5, label=f"{judges}, {name}",
                )  # fmt: skip
    axes.set(xlabel="US dollars per 10,000 samples", ylabel="lift (0: random, 1: oracle)", xscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
