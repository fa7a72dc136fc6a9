"""Realistic tag tables with a known truth: which raw spellings mean the same concept.

Concepts follow the law of Zipf and Mandelbrot, so that the vocabulary grows with the data by the law of Heaps: about as
many distinct raw tags as samples at 52,000 samples, a fraction of that per sample at millions. Every concept is one to
three words; every occurrence of it is written in one of the ways that language models write tags. Some frequent
concepts always come together with another one, so that there are associations to find.

Beside these, a few hundred spellings in four languages that a person has grouped by meaning: inflections that rules
should join, and words that look alike and mean different things (*comunidad*, *comunicación*).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_DATA = Path(__file__).parent / "data"
_WORDS = json.loads((_DATA / "tag_words.json").read_text(encoding="utf-8"))
TASKS: list[str] = _WORDS["tasks"]
TOPICS: list[str] = _WORDS["topics"]
SPELLINGS: dict[str, list[list[str]]] = json.loads((_DATA / "tag_spellings.json").read_text(encoding="utf-8"))
"""By language: lists of the spellings of one meaning, the usual one first."""


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def _gerund(word: str) -> str:
    return f"{word[:-1]}ing" if word.endswith("e") else f"{word}ing"


def _last_plural(words: list[str]) -> list[str]:
    return [*words[:-1], _plural(words[-1])]


# Ways to write a concept, with how often each is seen.
WRITINGS: list[tuple[float, Callable[[list[str]], str]]] = [
    (0.44, lambda w: " ".join(w)),
    (0.14, lambda w: " ".join(w).title()),
    (0.08, lambda w: " ".join(w).capitalize()),
    (0.08, lambda w: "_".join(w)),
    (0.06, lambda w: "-".join(w)),
    (0.07, lambda w: " ".join(_last_plural(w))),
    (0.03, lambda w: " ".join(_last_plural(w)).title()),
    (0.03, lambda w: w[0] + "".join(x.capitalize() for x in w[1:])),
    (0.02, lambda w: f"{' '.join(w)}."),
    (0.015, lambda w: f"the {' '.join(w)}"),
    (0.015, lambda w: " ".join([_gerund(w[0]), *w[1:]]) if w[0] in TASKS else " ".join(w).upper()),
    (0.01, lambda w: f'"{" ".join(w)}"'),
    (0.01, lambda w: f"Provide {' '.join(w)}"),
]
_TAGS_PER_SAMPLE = [0.1, 0.2, 0.25, 0.2, 0.15, 0.1]  # 1 to 6 tags, 3.4 on average
_SHIFT, _EXPONENT = 60.0, 0.42  # of the Zipf-Mandelbrot law: P(rank > r) = (1 + r / shift) ** -exponent
_THEME_EXPONENT = 0.7  # of the law of Zipf for themes
_FOLLOWERS = 0.02  # share of the 2,000 most frequent concepts that always come with another one


@dataclass(frozen=True)
class TagTable:
    """A generated table and its truth.

    Attributes:
        rows: columns ``sample_id``, ``tag_position``, ``raw_tag``, one row per sample and raw tag.
        concepts: raw tag -> number of the concept that it means.
    """

    rows: pa.Table
    concepts: dict[str, int]

    def carried(self) -> Iterator[tuple[str, str]]:
        """Sample and raw tag of every row."""
        yield from zip(self.rows["sample_id"].to_pylist(), self.rows["raw_tag"].to_pylist(), strict=True)

    def quality(self, canonical: Mapping[str, str]) -> tuple[float, float]:
        """Precision and recall of joining spellings: of the pairs of raw tags joined, and of those that mean the same.

        Args:
            canonical: raw tag -> the tag that it was joined into, for all raw tags of the table.
        """
        n_right = _n_pairs(Counter((self.concepts[raw], tag) for raw, tag in canonical.items()))
        n_joined, n_true = _n_pairs(Counter(canonical.values())), _n_pairs(Counter(self.concepts.values()))
        return n_right / n_joined, n_right / n_true


def _n_pairs(counts: Counter[Any]) -> int:
    """Pairs of members within the same group, from the sizes of the groups."""
    return sum(n * (n - 1) // 2 for n in counts.values())


def words_of(concept: int) -> list[str]:
    """Words of a concept: the same number gives the same words, different numbers different ones."""
    rest, last = divmod(concept, len(TOPICS))
    if rest == 0:
        return [TOPICS[last]]
    rest, middle = divmod(rest - 1, len(TASKS))
    # The task goes first: "check grammar"; further words come between.
    words = [TASKS[middle], TOPICS[last]]
    while rest:
        rest, more = divmod(rest - 1, len(TOPICS))
        words.insert(1, TOPICS[more])
    return words


def generate_tags(n_samples: int, seed: int = 42, theme_share: float = 0.0) -> TagTable:
    """Make the table for that many samples; the same arguments give the same table.

    Args:
        n_samples: number of samples.
        seed: of everything that is drawn.
        theme_share: share of a sample's tags of several words that are about the sample's theme, one of the topics,
            few of them frequent. At 0 tags have nothing to do with each other, and clusters are chance.
    """
    rng = np.random.default_rng(seed)
    n_tags = rng.choice(np.arange(1, len(_TAGS_PER_SAMPLE) + 1), n_samples, p=_TAGS_PER_SAMPLE)
    sample = np.repeat(np.arange(n_samples), n_tags)
    concept = np.minimum(rng.pareto(_EXPONENT, sample.size) * _SHIFT, 5e8).astype(np.int64)
    if theme_share:
        weights = np.arange(1, len(TOPICS) + 1) ** -_THEME_EXPONENT
        theme = rng.choice(len(TOPICS), n_samples, p=weights / weights.sum())
        is_themed = (rng.random(sample.size) < theme_share) & (concept >= len(TOPICS))
        concept = np.where(is_themed, concept - concept % len(TOPICS) + theme[sample], concept)
    leaders = rng.permutation(2_000)[: int(2_000 * _FOLLOWERS)]
    is_follower = np.isin(concept, leaders)
    sample = np.concatenate([sample, sample[is_follower]])
    concept = np.concatenate([concept, concept[is_follower] % 20])  # the concepts that the leaders always bring along
    weights = np.array([weight for weight, _ in WRITINGS])
    writing = rng.choice(len(WRITINGS), concept.size, p=weights / weights.sum())
    codes, inverse = np.unique(concept * len(WRITINGS) + writing, return_inverse=True)
    spellings = [WRITINGS[code % len(WRITINGS)][1](words_of(code // len(WRITINGS))) for code in codes.tolist()]
    numbers: dict[str, int] = {}  # some concepts look the same in two ways of writing
    number = np.array([numbers.setdefault(spelling, len(numbers)) for spelling in spellings], dtype=np.int32)
    rows = pa.table(
        {
            "sample_id": _sample_ids(sample, n_samples),
            "tag_position": pa.array(np.arange(sample.size, dtype=np.int32)),
            "raw_tag": pa.DictionaryArray.from_arrays(pa.array(number[inverse]), pa.array(list(numbers))),
        }
    )
    return TagTable(rows, dict(zip(spellings, (codes // len(WRITINGS)).tolist(), strict=True)))


def deal_spellings(language: str, n_samples: int = 300, seed: int = 42) -> TagTable:
    """Give the grouped spellings of a language to samples: every spelling at least once, some meanings often."""
    rng = np.random.default_rng(seed)
    groups = SPELLINGS[language]
    concepts: dict[str, int] = {}
    tags: list[str] = []
    for rank, number in enumerate(rng.permutation(len(groups)).tolist()):
        spellings = groups[number]
        concepts |= dict.fromkeys(spellings, number)
        weights = 1 / np.arange(1, len(spellings) + 1)
        n_more = int(60 / (1 + rank) ** 0.7)
        tags += spellings + rng.choice(spellings, n_more, p=weights / weights.sum()).tolist()
    carried = sorted(
        {(int(sample), tag) for sample, tag in zip(rng.integers(0, n_samples, len(tags)), tags, strict=True)}
    )
    rows = pa.table(
        {
            "sample_id": _sample_ids(np.array([sample for sample, _ in carried]), n_samples),
            "tag_position": pa.array(np.arange(len(carried), dtype=np.int32)),
            "raw_tag": pa.array([tag for _, tag in carried]).dictionary_encode(),
        }
    )
    return TagTable(rows, concepts)


def _sample_ids(sample: npt.NDArray[np.int64], n_samples: int) -> pa.DictionaryArray:
    """Ids as long as an md5, different for every sample."""
    ids = pa.array([f"{(i * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128:032x}" for i in range(n_samples)])
    return pa.DictionaryArray.from_arrays(pa.array(sample.astype(np.int32)), ids)
