"""Name what became slower, or larger, by more than noise.

    python bench/compare.py OLD.json NEW.json          two runs of one benchmark
    python bench/compare.py old_runs/ new_runs/        several of each, paired by name: noise is measured, not assumed

Costs are compared that grow when something gets worse (seconds, memory, bytes, calls), each where it stands in the
JSON. A figure is named if its median ratio over the pairs is beyond the noise, and every pair agrees. Ends with 1 if
any is named, with 2 if nothing can be compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COSTS = ("seconds", "_s", "_gb", "_mb", "_ms", "_usd", "calls", "stages", "slowest", "queries", "bytes")
_RATES = ("_per_s", "ratio", "times_faster")
_LEAST = {"seconds": 0.2, "stages": 0.2, "slowest": 0.2, "_gb": 0.05}
"""Differences below these are those of the clock and of the allocator, whatever the ratio."""
_COMPARED_MACHINE = ("cpu", "n_cores", "memory_gb", "python")


def figures(result: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every cost or rate of a result with the names that lead to it; what says nothing of speed is left out."""
    if isinstance(result, dict):
        for name, value in result.items():
            if name != "machine":
                yield from figures(value, (*path, name))
    elif isinstance(result, (int, float)) and not isinstance(result, bool) and _kind(path):
        yield path, float(result)


def _kind(path: tuple[str, ...]) -> str | None:
    """The unit of a figure by its last names; None if it is neither a cost nor a rate."""
    for name in reversed(path[-2:]):
        for unit in (*_RATES, *_COSTS):
            if name.endswith(unit):
                return unit
    return None


def worse(old: list[Any], new: list[Any], noise: float = 0.1) -> dict[str, float]:
    """Figures that became worse.

    Args:
        old, new: results of paired runs, as many of each.
        noise: the least share by which a figure has to differ; more where the pairs differ more among themselves.

    Returns:
        The figure's names, joined by dots -> median ratio of its costs, new by old (of rates, old by new), above 1.
    """
    found = {}
    pairs = [(dict(figures(before)), dict(figures(after))) for before, after in zip(old, new, strict=True)]
    for path in pairs[0][0]:
        values = [(before[path], after[path]) for before, after in pairs if path in before and path in after]
        if len(values) < len(pairs) or any(before <= 0 or after <= 0 for before, after in values):
            continue
        unit = _kind(path)
        ratios = [before / after if unit in _RATES else after / before for before, after in values]
        least = _LEAST.get(unit or "", 0.0)
        is_large = statistics.median(abs(after - before) for before, after in values) >= least
        spread = (max(ratios) - min(ratios)) / 2
        if is_large and min(ratios) > 1 and statistics.median(ratios) > 1 + max(noise, spread):
            found[".".join(path)] = round(statistics.median(ratios), 2)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def read(path: Path) -> list[Any]:
    """The results of a file, or of all files of a folder in the order of their names."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def main() -> int:
    """Print what became worse; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--noise", type=float, default=0.1, help="share that two runs differ by anyway (default: 0.1)")
    options = parser.parse_args()
    old, new = read(options.old), read(options.new)
    if not old or len(old) != len(new):
        print(f"{len(old)} old results and {len(new)} new ones are no pairs.", file=sys.stderr)
        return 2
    for name in _COMPARED_MACHINE:
        before, after = (runs[0].get("machine", {}).get(name) for runs in (old, new))
        if before != after:
            print(f"The machines differ: {name} was {before}, and is {after}. Ratios say little.", file=sys.stderr)
    if not {path for path, _ in figures(old[0])} & {path for path, _ in figures(new[0])}:
        print("The results have no figure in common.", file=sys.stderr)
        return 2
    found = worse(old, new, options.noise)
    for name, ratio in found.items():
        print(f"{ratio:6.2f}  {name}")
    print(f"{len(found)} figures became worse." if found else "Nothing became slower or larger by more than noise.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
