"""Run the benchmarks and keep what they print, with the machine they ran on: bench/results/NAME.json each.

    python bench/run_all.py                        all (hours; nothing else should run)
    python bench/run_all.py end_to_end money       some
    python bench/run_all.py --results /tmp/new     elsewhere, to compare: bench/compare.py bench/results /tmp/new

A benchmark that prints JSON is kept as it is; of the others the lines are kept. Where Spark cannot start, its benchmark
is left out of all, and it is said so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import machine

_BENCH = Path(__file__).parent
_NAMES = sorted(
    path.stem
    for pattern in ("bench_*.py", "*_quality.py", "end_to_end.py", "stages.py", "money.py", "baselines.py")
    for path in _BENCH.glob(pattern)
)


def run(name: str) -> dict[str, Any]:
    """The result of one benchmark.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before = machine.describe()
    command = [sys.executable, str(_BENCH / f"{name}.py")]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    try:
        result = json.loads(output[output.index("{") :])
    except ValueError:
        result = {"output": output.splitlines()}
    return {"benchmark": name, "machine": before} | dict(result)


def runnable() -> list[str]:
    """The benchmarks that can run here: that of Spark needs pyspark and Java."""
    if importlib.util.find_spec("pyspark") and shutil.which("java"):
        return _NAMES
    print("== bench_spark is left out: it needs requirements/spark.txt and Java 17", flush=True)
    return [name for name in _NAMES if name != "bench_spark"]


def main() -> None:
    """Run, write, say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    parser.add_argument("--results", type=Path, default=_BENCH / "results", help="folder of the results")
    options = parser.parse_args()
    if unknown := set(options.names) - set(_NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    options.results.mkdir(parents=True, exist_ok=True)
    for name in options.names or runnable():
        print(f"== {name}", flush=True)
        path = options.results / f"{name}.json"
        path.write_text(json.dumps(run(name), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
