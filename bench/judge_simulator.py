"""LLM judges with known faults, who score pairs of samples of known quality: what no real judge can be checked against.

    python bench/judge_simulator.py   # how often each simulated judge flips and ties, beside measured judges

A world has samples whose true quality is known (mean 0, standard deviation 1 in a cluster). A judge sees two of them
and gives both a score from 1 to 100, with the faults that real judges show when they are asked in both orders:

- it has a *taste*: what it sees in a sample is the quality and a lasting error of its own, which no number of calls
  averages out; another judge has another one. A pair, too, may please it more one way round than the samples deserve;
- it favours *what it reads first*, by an amount that differs from pair to pair;
- it is *strict* or mild for a whole call, so that the scores of two calls are harder to compare than those of one;
  partly it is so whenever it sees this pair. It stretches or narrows the scale from call to call;
- it *contrasts*: it moves the two apart;
- its *noise* differs from call to call; its scale is narrow at the top, its scores are mostly multiples of five;
- some calls fail, and are NaN.

Nothing depends on the order or the batch in which pairs are judged: the same judge gives the same ordered pair the same
answer, as a model does at temperature 0. The figures are in ``data/judge_profiles.json``, beside those of real judges.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, ndtri

_FIGURES: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "judge_profiles.json").read_text("utf-8"))
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Profile:
    """How good a judge is. Standard deviations are in units of the true quality's within a cluster.

    Attributes:
        taste: deviation of the lasting error per sample.
        pair_taste: deviation of the lasting error per pair, for one sample and against the other.
        noise: deviation of the error of one score in one call.
        strictness: deviation of the error that both scores of a call share.
        strictness_of_pair: share of its variance that belongs to the pair in either order, not to the one call.
        stretch: deviation of the logarithm of the scale, from call to call.
        first_advantage: by how much the sample that is read first is favoured over the other, on average.
        first_advantage_spread: deviation of that advantage between pairs.
        contrast: share of their difference by which each of the two is moved away from the other.
        scale_level, scale_slope: a sample at z is scored 1 + 98 / (1 + exp(-(level + slope z))).
        rounds_to_five: share of the calls that score in multiples of five; the others score in whole numbers.
        failures: share of the calls that bring no scores.
    """

    taste: float
    pair_taste: float
    noise: float
    strictness: float
    strictness_of_pair: float
    stretch: float
    first_advantage: float
    first_advantage_spread: float
    contrast: float
    scale_level: float
    scale_slope: float
    rounds_to_five: float
    failures: float


PROFILES = {name: Profile(**_FIGURES["shared_by_all"], **own) for name, own in _FIGURES["profiles"].items()}
MEASURED: list[dict[str, Any]] = _FIGURES["measured"]


class World:
    """Samples of known quality in clusters.

    Args:
        seed: of the qualities and of everything that the judges of this world do.
        cluster_sizes: number of samples of each cluster.

    Attributes:
        quality: true quality of every sample, standard normal, shape (n_samples,).
        cluster_ids: cluster of every sample, from 0, shape (n_samples,).
    """

    def __init__(self, seed: int, cluster_sizes: Sequence[int]) -> None:
        self.seed = seed
        self.cluster_ids = np.repeat(np.arange(len(cluster_sizes)), cluster_sizes)
        self.quality = np.random.default_rng(seed).normal(size=self.cluster_ids.size)


class SimulatedJudge:
    """One judge.

    Args:
        world: the samples that it will see.
        name: a profile (``strong``, ``medium``, ``weak``), or a profile and a mark as in ``medium-b``: another judge
            that is as good, with a taste and errors of its own.

    Raises:
        ValueError: no such profile.
    """

    def __init__(self, world: World, name: str) -> None:
        profile = name.partition("-")[0]
        if profile not in PROFILES:
            raise ValueError(f"No simulated judge {name!r}: wanted one of {', '.join(PROFILES)}, or such as medium-b.")
        self.name, self.profile = name, PROFILES[profile]
        self._key = (world.seed, zlib.crc32(name.encode()))
        self._seen = world.quality + self.profile.taste * self._normal("taste", np.arange(world.quality.size))

    def score(self, first: Numbers, second: Numbers) -> tuple[Floats, Floats]:
        """Scores (1 to 100) of the samples read first and second, both NaN where the call fails; all of shape (n,)."""
        p = self.profile
        lower, higher = np.minimum(first, second), np.maximum(first, second)
        call, pair = (first, second), (lower, higher)
        strictness = p.strictness * (
            np.sqrt(p.strictness_of_pair) * self._normal("strictness of pair", *pair)
            + np.sqrt(1 - p.strictness_of_pair) * self._normal("strictness", *call)
        )
        stretch = np.exp(p.stretch * self._normal("stretch", *call))
        for_lower = p.pair_taste * self._normal("pair taste", *pair)
        advantage = p.first_advantage + p.first_advantage_spread * self._normal("first advantage", *pair)
        for_first = (np.where(first == lower, for_lower, -for_lower) + advantage) / 2
        apart = p.contrast * (self._seen[first] - self._seen[second])
        in_fives = self._uniform("in fives", *call) < p.rounds_to_five
        is_failed = self._uniform("failure", *call) < p.failures
        scores = []
        for place, sample, sign in (("first", first, 1), ("second", second, -1)):
            noise = p.noise * self._normal(f"noise {place}", *call)
            seen = stretch * (self._seen[sample] + sign * apart) + strictness + sign * for_first + noise
            exact = 1 + 98 * expit(p.scale_level + p.scale_slope * seen)
            rounded = np.where(in_fives, 5 * np.round(exact / 5), np.round(exact))
            scores.append(np.where(is_failed, np.nan, np.clip(rounded, 1, 100)))
        return scores[0], scores[1]

    def _uniform(self, what: str, *numbers: Numbers) -> Floats:
        """A number in (0, 1) that depends on the judge, on what it is for, and on the samples, and on nothing else."""
        mixed = np.zeros(numbers[0].shape, dtype=np.uint64)
        for part in (*self._key, zlib.crc32(what.encode()), *numbers):
            # The odd constant keeps zeros from staying zeros; unsigned sums wrap around.
            mixed = pd.util.hash_array(mixed + np.asarray(part).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) / 2**52

    def _normal(self, what: str, *numbers: Numbers) -> Floats:
        return ndtri(self._uniform(what, *numbers))


class Panel:
    """Simulated judges in the place of the LLM: each round of a run asks its own.

    Args:
        world: the samples.
        sample_ids: the id of every sample, shape (n_samples,).
        names: name of the judge of every round, e.g. ``["medium", "strong", "strong"]``; the last one stays for the
            rounds after.
    """

    def __init__(self, world: World, sample_ids: Sequence[str], names: Sequence[str]) -> None:
        self.names = list(names)
        self._judges = {name: SimulatedJudge(world, name) for name in names}
        self._numbers = pd.Series(np.arange(world.quality.size), index=list(sample_ids))

    def name_of(self, judging_round: int) -> str:
        """Who judges in a round, counted from 1."""
        return self.names[min(judging_round, len(self.names)) - 1]

    def __call__(self, pairs: pd.DataFrame) -> tuple[Floats, Floats]:
        """Scores of the first and second samples; ``judging_round`` and the ids of the two are columns of ``pairs``."""
        scores = np.empty((2, len(pairs)))
        names = pairs["judging_round"].map(self.name_of).to_numpy()
        first, second = (self._numbers[pairs[f"{place}_sample_id"]].to_numpy() for place in ("first", "second"))
        for name, judge in self._judges.items():
            is_asked = names == name
            scores[:, is_asked] = judge.score(first[is_asked], second[is_asked])
        return scores[0], scores[1]


def reliability(judge: SimulatedJudge, first: Numbers, second: Numbers) -> dict[str, float]:
    """What can be measured of a judge without knowing the truth: its answers to the same pairs in both orders.

    Returns:
        ``flips``: share of pairs won by one sample in one order and by the other in the other order; ``ties``: share of
        calls with equal scores; ``margin_correlation``: of the difference of the two scores between the orders.
    """
    margin = np.subtract(*judge.score(first, second))
    back = -np.subtract(*judge.score(second, first))
    judged = ~np.isnan(margin + back)
    margin, back = margin[judged], back[judged]
    return {
        "flips": float(np.mean(margin * back < 0)),
        "ties": float(np.mean(np.concatenate([margin, back]) == 0)),
        "margin_correlation": float(np.corrcoef(margin, back)[0, 1]),
    }


def main() -> None:
    """Print the reliability of each profile on 10,000 pairs of a cluster, beside that of measured judges."""
    names = ("flips", "ties", "margin_correlation")
    print(f"{'judge':10s} {'flips':>6s} {'ties':>6s} {'correlation of margins':>23s}  measured on")
    for measured in MEASURED:
        flips, ties, correlation = (f"{measured[name]:.2f}" if name in measured else "-" for name in names)
        print(f"{measured['judge']:10s} {flips:>6s} {ties:>6s} {correlation:>23s}  {measured['source']}")
    world = World(0, [20_000])
    samples = np.arange(20_000)
    for name in PROFILES:
        flips, ties, correlation = reliability(SimulatedJudge(world, name), samples[::2], samples[1::2]).values()
        print(f"{name:10s} {flips:6.2f} {ties:6.2f} {correlation:23.2f}  simulated")


if __name__ == "__main__":
    main()
