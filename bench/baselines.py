"""From raw tags to clusters: the obvious way, the authors' way, and this project's, on the same generated tags.

    python bench/baselines.py                          1,250, 2,500 and 5,000 samples, extrapolated to 52,000
    python bench/baselines.py --sizes 500 1000 --ours 1000

obvious: pandas, nltk and mlxtend normalize, sentence-transformers embeds every occurrence of a tag, scikit-learn
clusters them. authors: lower case, Porter stem of the phrase, a frequency filter, the same embedding and clustering of
occurrences with k = 50. ours: the models of normalization and clustering as they are, nothing cached. Each is a process
of its own; the loading of the embedder's weights is in none. The cost of the first two at 52,000 follows from their
growth between the sizes; CPU seconds say more than seconds on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import pyarrow.parquet as pq

_ROOT = Path(__file__).resolve().parents[1]
_ALL, _N_CLUSTERS = 52_000, 50


def occurrences_of(path: Path) -> list[tuple[str, str]]:
    """Sample and raw tag of every row."""
    table = pq.read_table(path, columns=["sample_id", "raw_tag"])
    return list(zip(*(table[name].cast("string").to_pylist() for name in ("sample_id", "raw_tag")), strict=True))


def embed_and_cluster(tags: list[str], timed: Callable[[str], None]) -> None:
    """Every occurrence, as one writes it first."""
    from sentence_transformers import SentenceTransformer
    from sklearn.cluster import KMeans

    from python_models.embedded.weights import embedder_path

    model = SentenceTransformer(str(embedder_path()), device="cpu")
    model.encode(["warm"])
    timed("")
    vectors = model.encode(tags)
    timed("embedding")
    KMeans(n_clusters=min(_N_CLUSTERS, len(tags)), n_init=10, random_state=0).fit(vectors)
    timed("clustering")


def obvious(path: Path, timed: Callable[[str], None]) -> None:
    """Normalization as in ``bench_normalization``, then every occurrence that is left."""
    from bench_normalization import normalize_with_pandas

    normalize_with_pandas(path)
    timed("normalization")
    tags = [tag for _, tag in occurrences_of(path)]
    embed_and_cluster(tags, timed)


def authors(path: Path, timed: Callable[[str], None]) -> None:
    """A filter by the frequency of spellings (in proportion to 20 of 52,000), rules, occurrences."""
    from nltk.stem import PorterStemmer

    rows = occurrences_of(path)
    timed("")
    stemmer = PorterStemmer()
    counts = Counter(tag for _, tag in rows)
    least = max(2, round(20 * len({sample for sample, _ in rows}) / _ALL))
    tags = [stemmer.stem(re.sub(r"\W+", " ", tag.lower()).strip()) for _, tag in rows if counts[tag] >= least]
    timed("normalization")
    embed_and_cluster(tags, timed)


def ours(path: Path, timed: Callable[[str], None]) -> None:
    """The project's models, their embeddings computed anew."""
    import duckdb
    from sqlmesh import Context

    sys.path.insert(0, str(_ROOT / "tests" / "python"))
    from stage_runner import StageRunner

    from python_models.embedded.embedder import embed

    embed(["warm"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TACOS_DATABASE": f"{folder}/project.duckdb", "TACOS_CACHE": f"{folder}/cache.sqlite"}
        context = Context(paths=str(_ROOT))
        connection = duckdb.connect(f"{folder}/bench.duckdb", config={"threads": 2, "memory_limit": "6GB"})
        connection.execute(f"""
            CREATE SCHEMA tacos;
            CREATE TABLE tacos.raw_tags AS SELECT sample_id::VARCHAR AS sample_id, tag_position,
              raw_tag::VARCHAR AS raw_tag FROM READ_PARQUET('{path}');
            CREATE TABLE tacos.samples AS SELECT DISTINCT sample_id FROM tacos.raw_tags
        """)  # noqa: S608
        runner = StageRunner(context, ["normalization", "clustering"], connection)
        for model in runner.models:  # SQLMesh renders once; that is no part of the work
            if hasattr(model, "render_query_or_raise") and not hasattr(model, "seed"):
                model.render_query_or_raise(needs_optimization=False)
        timed("")
        runner.run()
        timed("normalization and clustering")


_WAYS = {"obvious": obvious, "authors": authors, "ours": ours}


def child(way: str, path: Path) -> None:
    """Measure one way in this process."""
    steps: dict[str, dict[str, float]] = {}
    last = [time.perf_counter(), time.process_time()]

    def timed(step: str) -> None:
        now = [time.perf_counter(), time.process_time()]
        if step:
            steps[step] = {"seconds": round(now[0] - last[0], 2), "cpu_seconds": round(now[1] - last[1], 2)}
        last[:] = now

    _WAYS[way](path, timed)
    total = {unit: round(sum(step[unit] for step in steps.values()), 2) for unit in ("seconds", "cpu_seconds")}
    print(json.dumps(total | {"steps": steps}))


def measured(way: str, n_samples: int, folder: Path) -> dict[str, Any]:
    """One way at one size, in a process of its own."""
    path = folder / f"{n_samples}.parquet"
    if not path.exists():
        from tag_generator import generate_tags

        pq.write_table(generate_tags(n_samples).rows, path)
    command = [sys.executable, __file__, "--child", way, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def extrapolated(sizes: dict[int, dict[str, Any]], unit: str) -> dict[str, float]:
    """Cost at 52,000 by the growth of every step between the smallest and the largest size; never below linear."""
    small, large = min(sizes), max(sizes)
    total, exponents = 0.0, {}
    for step, cost in sizes[large]["steps"].items():
        before = max(sizes[small]["steps"][step][unit], 0.01)
        exponent = max(1.0, math.log(max(cost[unit], 0.01) / before) / math.log(large / small))
        exponents[step] = round(exponent, 2)
        total += cost[unit] * (_ALL / large) ** exponent
    return {unit: round(total, 1), **{f"exponent of {step}": value for step, value in exponents.items()}}


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_250, 2_500, 5_000])
    parser.add_argument("--ours", type=int, default=_ALL, help="samples of this project's measurement")
    parser.add_argument("--out", type=Path, help="write the JSON here, too")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    result: dict[str, Any] = {"benchmark": "baselines", "machine": machine.describe()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["ours"] = measured("ours", options.ours, folder) | {"n_samples": options.ours}
        for way in ("obvious", "authors"):
            sizes = {n_samples: measured(way, n_samples, folder) for n_samples in options.sizes}
            at_all = extrapolated(sizes, "cpu_seconds")
            result[way] = {"sizes": sizes, "at_52000": at_all}
            result[way]["times_faster"] = round(at_all["cpu_seconds"] / result["ours"]["cpu_seconds"], 1)
    machine.write(result, options.out)


if __name__ == "__main__":
    main()
