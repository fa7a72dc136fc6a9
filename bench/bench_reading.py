"""Records per second of CPU that are read from the commonest forms of a dataset, beside what parsing alone costs.

    python bench/bench_reading.py [--records 50000] [--repeats 3] [--large 400000]

The files are made here: alike on every machine. The yardstick of each form is the plainest loop that parses the same
file (``json.loads`` a line, ``csv.DictReader``, ``to_pylist``) and makes nothing of it, measured in the same run.

``--large`` reads JSON lines of so many records with one process and with two: seconds of CPU of the one that asks and
of those that read. What others do on the machine does not change them, and they say how long it takes on free cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path.cwd()))  # the project that it is started in, so that two of its versions can be compared

from python_models.source.records import read_records

WORDS = (
    *"the of a model answer write list explain café why how number river 42 item: x = f(y);".split(),  # noqa: SIM905
    "\n",
    '"q"',
)


def make_records(n_records: int) -> list[dict[str, str]]:
    """Make Alpaca records of 20 to 160 words, a third of them with an input."""
    random = Random(1)  # noqa: S311
    return [
        {
            "instruction": f"{i}: " + " ".join(random.choices(WORDS, k=random.randint(8, 30))),
            "input": " ".join(random.choices(WORDS, k=20)) if i % 3 == 0 else "",
            "output": f"{i}. " + " ".join(random.choices(WORDS, k=random.randint(12, 130))),
        }
        for i in range(n_records)
    ]


def as_messages(record: dict[str, str]) -> dict[str, Any]:
    """Make a record of messages."""
    question = f"{record['instruction']}\n\n{record['input']}"
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": record["output"]}]
    return {"messages": turns}


def write_files(folder: Path, n_records: int) -> dict[str, tuple[Path, Callable[[Path], int]]]:
    """Write a file of each form; give its path and the plain loop that parses it and counts its records."""
    records = make_records(n_records)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    (folder / "array.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    (folder / "indented.json").write_text(json.dumps(records, ensure_ascii=False, indent=2))
    (folder / "lines.jsonl").write_text("".join(line + "\n" for line in lines))
    (folder / "messages.jsonl").write_text(
        "".join(json.dumps(as_messages(record), ensure_ascii=False) + "\n" for record in records)
    )
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    pq.write_table(pa.Table.from_pylist(records), folder / "table.parquet")
    return {
        "Alpaca, JSON array, one a line": (folder / "array.json", count_array),
        "Alpaca, JSON array, indented": (folder / "indented.json", count_array),
        "Alpaca, JSONL": (folder / "lines.jsonl", count_lines),
        "messages, JSONL": (folder / "messages.jsonl", count_lines),
        "Alpaca, CSV": (folder / "table.csv", count_rows),
        "Alpaca, Parquet": (folder / "table.parquet", lambda path: len(pq.read_table(path).to_pylist())),
    }


def count_array(path: Path) -> int:
    """Parse one JSON array."""
    return len(json.loads(path.read_text()))


def count_lines(path: Path) -> int:
    """Parse JSON lines."""
    with path.open() as file:
        return sum(1 for line in file if json.loads(line))


def count_rows(path: Path) -> int:
    """Parse CSV."""
    with path.open(newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def count_read(path: Path) -> int:
    """Read the records as the project does."""
    return sum(batch.num_rows for batch in read_records(str(path), ""))


def best_seconds(count: Callable[[Path], int], path: Path, n_records: int, n_repeats: int) -> float:
    """CPU seconds of the best of some runs: what else the machine does makes others slower, never faster."""
    seconds = []
    for _ in range(n_repeats):
        start = time.process_time()
        n_counted = count(path)
        seconds.append(time.process_time() - start)
        if n_counted != n_records:
            raise SystemExit(f"{path.name}: {n_counted:,} records were read, {n_records:,} were written")
    return min(seconds)


def measure_processes(path: Path, n_records: int) -> None:
    """Print what one process and several cost to read a large file."""
    print(f"\n{path.stat().st_size / 1e6:,.0f} MB of JSON lines, {n_records:,} records")
    print(f"{'processes':>10}{'wall s':>9}{'CPU s here':>12}{'CPU s there':>13}{'records/s on free cores':>25}")
    for n_processes in (1, 2):
        os.environ["TACOS_READING_PROCESSES"] = str(n_processes)
        before = os.times()
        if count_read(path) != n_records:
            raise SystemExit(f"{path.name}: other records were read than written")
        after = os.times()
        here = after.user + after.system - before.user - before.system
        there = after.children_user + after.children_system - before.children_user - before.children_system
        wall, longest = after.elapsed - before.elapsed, max(here, there / n_processes)
        print(f"{n_processes:>10}{wall:>9.1f}{here:>12.1f}{there:>13.1f}{n_records / longest:>25,.0f}")


def main() -> None:
    """Measure every form and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=0)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores (load {load:.1f}), Python {platform.python_version()}")
    print(f"{arguments.records:,} records, best of {arguments.repeats}")
    print(f"{'form':32}{'MB':>6}{'records/CPU s':>12}{'parsing alone':>15}{'times its cost':>16}")
    with tempfile.TemporaryDirectory(prefix="tacos-") as folder:
        for form, (path, count) in write_files(Path(folder), arguments.records).items():
            read = best_seconds(count_read, path, arguments.records, arguments.repeats)
            parsed = best_seconds(count, path, arguments.records, arguments.repeats)
            n = arguments.records
            n_megabytes = path.stat().st_size / 1e6
            print(f"{form:32}{n_megabytes:>6.0f}{n / read:>12,.0f}{n / parsed:>15,.0f}{read / parsed:>16.1f}")
        if arguments.large:
            path = Path(folder, "large.jsonl")
            with path.open("w") as file:
                file.writelines(
                    json.dumps(record, ensure_ascii=False) + "\n" for record in make_records(arguments.large)
                )
            measure_processes(path, arguments.large)


if __name__ == "__main__":
    main()
