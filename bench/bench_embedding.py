"""Embedding tags and clustering samples, beside the plain libraries on the same strings and points.

    python bench/bench_embedding.py                  the tags of 52,000 samples (about two minutes)
    python bench/bench_embedding.py --samples 2000   a try

Embedding: sentence-transformers' ``encode`` of every occurrence of a tag and of every distinct tag, the project's with
an empty cache and with a full one. k-means, 50 clusters: scikit-learn's ``KMeans`` as it comes (one start) and with ten
starts, on a point per sample; the project's on a point per distinct set of tags, weighted. ``inertia`` is the mean
squared distance of all samples to their centroids, so that the ways can be compared. Each in turns, medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
from tag_generator import generate_tags

_N_CLUSTERS, _SEED = 50, 42


def costs(ways: dict[str, Callable[[], object]], n_rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds of the clock and of all cores by way, each tried in turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(n_rounds):
        for name, way in ways.items():
            started = time.perf_counter(), time.process_time()
            way()
            taken[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return {
        name: {
            unit: round(statistics.median(each[at] for each in of_way), 2)
            for at, unit in enumerate(("seconds", "cpu_seconds"))
        }
        for name, of_way in taken.items()
    }


def embedding(tags: list[str], folder: Path, n_rounds: int) -> dict[str, Any]:
    """Costs of vectors for all occurrences."""
    from sentence_transformers import SentenceTransformer

    from python_models.embedded.embedder import embed
    from python_models.embedded.embedding import embed_tags
    from python_models.embedded.weights import EMBEDDER_NAME, embedder_path

    model, distinct = SentenceTransformer(str(embedder_path()), device="cpu"), sorted(set(tags))
    model.encode(["warm"])
    embed(["warm"])
    cache = folder / "cache.sqlite"
    os.environ["TACOS_CACHE"] = str(cache)

    def anew() -> object:
        for file in folder.glob("cache.sqlite*"):
            file.unlink()
        return embed_tags(distinct, EMBEDDER_NAME)

    ways: dict[str, Callable[[], object]] = {
        "encode, every occurrence": lambda: model.encode(tags),
        "encode, distinct": lambda: model.encode(distinct),
        "project, empty cache": anew,
        "project, full cache": lambda: embed_tags(distinct, EMBEDDER_NAME),
    }
    return {"n_occurrences": len(tags), "n_distinct": len(distinct), **costs(ways, n_rounds)}


def clustering(samples: list[tuple[str, ...]], n_rounds: int) -> dict[str, Any]:
    """Costs and inertia of 50 clusters of samples."""
    from sklearn.cluster import KMeans

    from python_models.clustering.kmeans import fit_centroids, nearest
    from python_models.clustering.points import Points, mean_vectors
    from python_models.embedded.embedder import embed

    tags = sorted({tag for sample in samples for tag in sample})
    positions, vectors = {tag: at for at, tag in enumerate(tags)}, embed(tags)
    sets = Counter(tuple(sorted(positions[tag] for tag in sample)) for sample in samples)
    means, weights = mean_vectors(vectors, list(sets)), np.fromiter(sets.values(), dtype=np.float32)
    points, every = Points(means, weights, len(tags), ""), np.repeat(means, weights.astype(int), axis=0)
    found: dict[str, Any] = {}

    def plain(name: str, **options: Any) -> Callable[[], object]:
        def fit() -> None:
            found[name] = KMeans(_N_CLUSTERS, random_state=_SEED, **options).fit(every).cluster_centers_

        return fit

    def ours() -> None:
        found["project"] = fit_centroids(points, _N_CLUSTERS, _SEED)

    measured = costs(
        {"KMeans": plain("KMeans"), "KMeans, 10": plain("KMeans, 10", n_init=10), "project": ours}, n_rounds
    )
    for name, centroids in found.items():
        distances = ((means - centroids[nearest(means, centroids)]) ** 2).sum(axis=1)
        measured[name]["inertia"] = round(float(np.average(distances, weights=weights)), 5)
    return {"n_samples": len(samples), "n_points": len(means), **measured}


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=52_000)
    parser.add_argument("--tags", type=int, default=20_000, help="most occurrences to embed (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the JSON here, too")
    options = parser.parse_args()
    rows = generate_tags(options.samples).rows
    by_sample: dict[str, list[str]] = {}
    for sample, tag in zip(rows["sample_id"].to_pylist(), rows["raw_tag"].cast("string").to_pylist(), strict=True):
        by_sample.setdefault(sample, []).append(tag)
    occurrences = [tag for tags in by_sample.values() for tag in tags]
    # Only tags that several samples carry, as after normalization: the rare ones place no sample.
    counts = Counter(occurrences)
    kept = {tag for tag, _ in counts.most_common(1_000)}
    samples = [found for tags in by_sample.values() if (found := tuple(sorted(kept.intersection(tags))))]
    with tempfile.TemporaryDirectory(prefix="tacos_bench_") as folder:
        result = {
            "benchmark": "embedding",
            "machine": machine.describe(),
            "embedding": embedding(occurrences[: options.tags], Path(folder), options.rounds),
            "clustering": clustering(samples, options.rounds),
        }
    machine.write(result, options.out)


if __name__ == "__main__":
    main()
