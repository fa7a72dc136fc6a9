"""What each stage takes and how it grows: the project's models alone, without SQLMesh's planning, rendering and audits.

    python bench/stages.py                       10,000 and 52,000 samples
    python bench/stages.py --sizes 5000 520000

Every size is a process of its own: the models in their order on a DuckDB file with 2 threads, first with replies that
are made at once, then again with the cache. `end_to_end.py` measures the same as a user runs it; this one tells the
work that grows with the data from the work that does not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

import duckdb
import machine
from fresh_build import STAGES
from stage_runner import StageRunner

_ROOT = Path(__file__).resolve().parents[1]


def child(n_samples: int, folder: Path) -> None:
    """Measure one size in this process."""
    dataset = folder / "dataset.jsonl"
    os.environ |= {
        "TACOS_GATEWAY": "openai",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_API_KEY": "none",
        "TACOS_DATASET": str(dataset),
        "TACOS_DATABASE": str(folder / "project.duckdb"),
        "TACOS_CACHE": str(folder / "cache.sqlite"),
        "TACOS_ASK_FAILED_AGAIN": "0",
    }
    from end_to_end import records
    from instant_judge import ask_at_once
    from sqlmesh import Context

    from python_models.llm.endpoint.client import ChatClient

    with dataset.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{line}\n" for line in records(n_samples))
    ChatClient.ask = ask_at_once  # type: ignore[method-assign]
    context = Context(paths=str(_ROOT))
    result: dict[str, Any] = {}
    for name in ("first", "rebuild"):
        connection = duckdb.connect(str(folder / f"{name}.duckdb"), config={"threads": 2})
        runner = StageRunner(context, STAGES, connection, start=date(2020, 1, 1), end=datetime.now(UTC).date())
        stages: Counter[str] = Counter()
        cpu: Counter[str] = Counter()
        for model in runner.models:
            if model.kind.is_external:
                continue
            stage = next(tag for tag in model.tags if tag in STAGES)
            started = time.process_time()
            runner.run_models([model.name])
            cpu[stage] += time.process_time() - started  # type: ignore[assignment]
            stages[stage] += runner.seconds[model.name]  # type: ignore[assignment]
        result[name] = {
            "seconds": round(sum(stages.values()), 2),
            "cpu_seconds": round(sum(cpu.values()), 2),
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            "stages": {stage: round(seconds, 2) for stage, seconds in cpu.items()},
            "slowest": {table: round(s, 2) for table, s in Counter(runner.seconds).most_common(12)},
        }
        runner.engine_adapter.close()
        connection.close()
    files = {"dataset": dataset, "warehouse": folder / "rebuild.duckdb", "cache": folder / "cache.sqlite"}
    result["bytes_per_sample"] = {name: round(path.stat().st_size / n_samples) for name, path in files.items()}
    print(json.dumps(result))


def exponents(sizes: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Exponents of growth between the smallest and the largest size, of the rebuild: CPU of the stages, memory."""
    small, large = min(sizes, key=int), max(sizes, key=int)
    before, after = sizes[small]["rebuild"], sizes[large]["rebuild"]
    pairs = {stage: (before["stages"][stage], seconds) for stage, seconds in after["stages"].items()}
    pairs |= {name: (before[name], after[name]) for name in ("cpu_seconds", "peak_gb")}
    factor = math.log(int(large) / int(small))
    return {name: round(math.log(y / x) / factor, 2) for name, (x, y) in pairs.items() if x > 0 and y > 0 and factor}


def main() -> None:
    """Measure every size and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 52_000])
    parser.add_argument("--out", type=Path, help="write the JSON here, too, after every size")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(int(options.child[0]), Path(options.child[1]))
        return
    result: dict[str, Any] = {"benchmark": "stages", "machine": machine.describe(), "sizes": {}}
    for n_samples in options.sizes:
        with tempfile.TemporaryDirectory(prefix="tacos_bench_") as folder:
            command = [sys.executable, __file__, "--child", str(n_samples), folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        result["sizes"][str(n_samples)] = json.loads(done.stdout.splitlines()[-1])
        result["exponents"] = exponents(result["sizes"])
        if options.out:
            options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
