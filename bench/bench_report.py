"""How long the report takes and how large it is: ``python bench/bench_report.py``; samples are generated."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import duckdb
from report_tables import make_tables

from python_models.report.page import write_report

SIZES = (148, 52_000, 520_000)


def main() -> None:
    """Print a row per size."""
    print("| samples | seconds | megabytes |\n|---:|---:|---:|")
    for n_samples in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            warehouse, report = Path(folder) / "warehouse.duckdb", Path(folder) / "report.html"
            make_tables(warehouse, n_samples, max(2, n_samples // 500))
            with duckdb.connect(str(warehouse), read_only=True) as connection:
                started = time.perf_counter()
                write_report(connection, report)
                seconds = time.perf_counter() - started
            print(f"| {n_samples:,} | {seconds:.1f} | {report.stat().st_size / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
