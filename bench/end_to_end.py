"""How long a whole selection takes without the LLM's time, by stage; how that grows; what a day of new data costs.

    python bench/end_to_end.py                                        10,000 and 52,000 samples
    python bench/end_to_end.py --sizes 10000 52000 520000 --out bench/results/end_to_end.json

For every size a project of its own, in this order: `first` from nothing, the replies made at once in the process;
`rebuild` from an empty warehouse with the cache alone (no endpoint there); `nothing_new` twice, by `tacos run` and by
`sqlmesh run`; `increment` and `next_increment` with 1% more samples each. Peak memory is that of the process,
CPU seconds are of all cores; `diagnostics_share` is what the diagnostics add on the clock to all the rest of a run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

import machine
from project_copy import ProjectCopy
from tag_generator import generate_tags

_ROOT = Path(__file__).resolve().parents[1]
INSTANT_RUN = (str(_ROOT / "bench" / "instant_judge.py"), "run")
_STEP = re.compile(r'"(tacos\w*)"\."(\w+)", batch \d+: (\d+) ms')
_THEME_SHARE = 0.8
_WORDS = ("please", "explain", "write", "about", "with", "steps", "reasons", "and", "numbers", "in", "detail", "for")


def records(n_samples: int, seed: int = 1) -> Iterator[str]:
    """JSON lines of Alpaca records of usual lengths that name their tags and say what they are worth."""
    choose = random.Random(seed)  # noqa: S311
    table = generate_tags(n_samples, seed=seed, theme_share=_THEME_SHARE).rows
    by_sample: dict[str, list[str]] = {}
    for sample, tag in zip(table["sample_id"].to_pylist(), table["raw_tag"].to_pylist(), strict=True):
        by_sample.setdefault(sample, []).append(tag.replace(";", " ").rstrip("."))
    for number, tags in enumerate(by_sample.values()):
        words = " ".join(choose.choices(_WORDS, k=8))
        response = " ".join(choose.choices(_WORDS, k=min(int(choose.expovariate(1 / 45)) + 5, 400)))
        points = round(min(max(choose.gauss(60, 15), 1), 100))
        yield json.dumps(
            {
                "instruction": f"Number {number}: {words}. Topics: {'; '.join(tags)}.",
                "output": f"{response}. This is worth {points} points.",
            }
        )


def write_records(project: ProjectCopy, lines: Iterable[str]) -> None:
    """Append records to the dataset of a project."""
    with project.dataset.open("a", encoding="utf-8") as dataset:
        dataset.writelines(f"{line}\n" for line in lines)


def measure(project: ProjectCopy, *command: str) -> dict[str, Any]:
    """Run a command in a process of its own; seconds by stage and by table are what SQLMesh measured."""
    for log in (project.root / "logs").glob("*.log"):
        log.unlink()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TACOS_", "OPENAI_"))}
    environment |= {"PYTHONPATH": f"{project.root}{os.pathsep}{_ROOT / 'bench'}"} | project.variables()
    cost = machine.run([sys.executable, *command], project.root, environment)
    stages = {path.stem: path.parent.name for path in (project.root / "models").rglob("*.*")}
    tables: Counter[str] = Counter()
    for log in (project.root / "logs").glob("*.log"):
        for _, name, ms in _STEP.findall(log.read_text(encoding="utf-8", errors="replace")):
            tables[name] += int(ms) / 1000  # type: ignore[assignment]
    by_stage: Counter[str] = Counter()
    for name, seconds in tables.items():
        by_stage[stages.get(re.sub(r"_\d$", "_round", name), stages.get(name, "judging"))] += seconds  # type: ignore[assignment]
    figures = {name: round(value, 2) for name, value in asdict(cost).items() if name != "output"}
    figures["n_tables"] = len(tables)
    figures["stages"] = {name: round(seconds, 2) for name, seconds in by_stage.items()}
    diagnosed = by_stage["diagnostics"]
    figures["diagnostics_share"] = round(diagnosed / (cost.seconds - diagnosed), 3)
    figures["slowest"] = {name: round(seconds, 2) for name, seconds in tables.most_common(12)}
    return figures


def one_size(n_samples: int, folder: Path) -> dict[str, Any]:
    """All measurements of a size."""
    environment = {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}
    environment["TACOS_ASK_FAILED_AGAIN"] = "0"  # a few generated tags look like no tag: what failed stays so
    project = ProjectCopy(folder, environment, has_coherence=True)
    # What comes later is of the same kind as what was there: all of it is one draw.
    n_more = n_samples // 100
    lines = records(n_samples + 2 * n_more)
    write_records(project, islice(lines, n_samples))
    tacos = ("-c", "import sys; from python_models.cli import main; sys.exit(main(['run']))")
    plain = ("-c", "from sqlmesh.cli.main import cli; cli(['run', '--ignore-cron'])")
    result: dict[str, Any] = {"first": measure(project, *INSTANT_RUN)}
    for file in project.root.glob("warehouse.duckdb*"):
        file.unlink()
    result["rebuild"] = measure(project, *tacos)
    result["nothing_new"], result["nothing_new_sqlmesh"] = measure(project, *tacos), measure(project, *plain)
    tables = ("samples", "raw_tags", "tag_map")
    counts = {name: project.query(f"SELECT COUNT(*) FROM tacos.{name}")[0][0] for name in tables}  # noqa: S608
    result["counts"] = counts | {
        "calls": n_calls(project),
        "warehouse_mb": round((project.root / "warehouse.duckdb").stat().st_size / 2**20),
        "cache_mb": round(project.cache.stat().st_size / 2**20),
    }
    for name in ("increment", "next_increment"):
        result[name] = increment(project, islice(lines, n_more))
    return result


def increment(project: ProjectCopy, lines: Iterable[str]) -> dict[str, Any]:
    """A run with more records: what it took, its calls, and the frequency threshold, which some of them move."""
    threshold = "SELECT min_samples FROM tacos_internal.normalization_thresholds"
    n_calls_before, before = n_calls(project), project.query(threshold)[0][0]
    write_records(project, lines)
    figures = measure(project, *INSTANT_RUN)
    after = project.query(threshold)[0][0]
    return figures | {"calls": n_calls(project) - n_calls_before, "min_samples": [before, after]}


def n_calls(project: ProjectCopy) -> int:
    """Calls that were paid for so far."""
    return project.n_calls("tagging") + project.n_calls("judging")


def exponents(sizes: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Exponents of growth between the smallest and the largest size: seconds of stages that take one, memory, CPU."""
    if len(sizes) < 2:
        return {}
    (small, few), (large, many) = (
        min(sizes.items(), key=lambda s: int(s[0])),
        max(sizes.items(), key=lambda s: int(s[0])),
    )
    factor = math.log(int(large) / int(small))
    before, after = few["rebuild"], many["rebuild"]
    pairs = {name: (before[name], after[name]) for name in ("cpu_seconds", "peak_gb")}
    pairs |= {
        name: (before["stages"].get(name, 0), seconds) for name, seconds in after["stages"].items() if seconds >= 1
    }
    return {name: round(math.log(y / x) / factor, 2) for name, (x, y) in pairs.items() if x > 0}


def main() -> None:
    """Measure every size and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 52_000])
    parser.add_argument("--out", type=Path, help="write the JSON here, too")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "end_to_end", "machine": machine.describe(), "sizes": {}}
    for n_samples in arguments.sizes:
        with tempfile.TemporaryDirectory(prefix="tacos_bench_") as name:
            result["sizes"][str(n_samples)] = one_size(n_samples, Path(name))
        result["exponents"] = exponents(result["sizes"])
        text = json.dumps(result, indent=2)
        if arguments.out:
            arguments.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
