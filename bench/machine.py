"""What a measurement has to say beside its figures: the machine, its load, the versions; and what a process took."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """The machine on which this runs, now."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(": ")[2] for line in info.read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "cpu": names[0] if names else platform.processor(),
        "n_cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        **{name: version(name) for name in ("sqlmesh", "duckdb", "sqlglot", "openai", "scikit-learn")},
    }


def write(result: Mapping[str, Any], out: Path | None) -> None:
    """Print a benchmark's result as JSON, and write it to a file, too, if one is named."""
    text = json.dumps(result, indent=2)
    print(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Cost:
    """What a process and its children took.

    Attributes:
        seconds: by the clock; where the machine is shared, the waiting for others is in it.
        cpu_seconds: of all cores, which the load of others changes little.
        peak_gb: most resident memory of the process itself.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the end of what it printed is the message.
    """
    started = time.perf_counter()
    path = folder / "output.txt"
    with path.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        _, status, usage = os.wait4(process.pid, 0)
    seconds, text = time.perf_counter() - started, path.read_text(errors="replace")
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command)}: {text[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, text)
