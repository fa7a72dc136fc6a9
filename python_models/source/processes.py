"""Reading with a process per core: the rows are those of one process, in the same order."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from python_models.settings import reading_processes
from python_models.source.files import DatasetError, DatasetFile
from python_models.source.parts import PART_BYTES, NotLinesError, Part, plan_tasks
from python_models.source.rows import make_batches

# From so many bytes on, other processes are worth their start.
MIN_BYTES = 2 * PART_BYTES
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
Process = subprocess.Popen[bytes]


def read_batches(files: list[DatasetFile], mapping: Mapping[str, str], columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read the rows of files.

    Args:
        files: as ``files.find_files`` gives them.
        mapping: see ``formats.read_mapping``.
        columns: of ``rows.NUMBERED_SCHEMA``, those that are wanted.

    Yields:
        Batches of these columns, in the order of files and records.

    Raises:
        DatasetError: a file cannot be read, or a process ended.
    """
    n_processes = reading_processes()
    tasks = plan_tasks(files) if n_processes > 1 and sum(file.n_bytes for file in files) >= MIN_BYTES else []
    if len(tasks) < 2:
        whole = [Part(file_no) for file_no in range(len(files))]
        yield from (batch.select(columns) for batch in make_batches(files, whole, mapping))
        return
    rest = deque(tasks)
    with TemporaryDirectory(prefix="tacos-reading-") as folder, _Workers(min(n_processes, len(tasks))) as workers:
        running: deque[tuple[list[Part], Path, Future[Exception | None]]] = deque()
        while rest or running:
            while rest and len(running) < n_processes + 2:
                task = rest.popleft()
                path = Path(folder, f"{task[0].file_no}-{task[0].start}.arrow")
                needed = {part.file_no: files[part.file_no] for part in task}
                running.append((task, path, workers.start((needed, task, dict(mapping), columns, str(path)))))
            task, path, future = running.popleft()
            error = future.result()
            if isinstance(error, NotLinesError):
                part = task[0]
                yield from _read_on(files, part, mapping, columns)
                while rest and rest[0][0].file_no == part.file_no:
                    rest.popleft()
                while running and running[0][0][0].file_no == part.file_no:
                    running.popleft()[2].result()
                continue
            if error is not None:
                raise error
            with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
                yield from batches
            path.unlink()


def _read_on(
    files: list[DatasetFile], part: Part, mapping: Mapping[str, str], columns: list[str]
) -> Iterator[pa.RecordBatch]:
    """Read a file from a part on, in one go: its lines are not a record each."""
    for batch in make_batches(files, [part._replace(end=None)], mapping):
        yield batch.select(columns)


class _Workers:
    """Processes that read, each told what by a thread that waits for it."""

    def __init__(self, n_processes: int) -> None:
        command = [sys.executable, "-m", "python_models.source.worker"]
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)}
        self._processes = [
            subprocess.Popen(  # noqa: S603 - this package
                command,
                cwd=PACKAGE_ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this process, which ends the others
            )
            for _ in range(n_processes)
        ]
        self._idle: queue.SimpleQueue[Process] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="tacos-reading")

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, whatever they are doing."""
        for process in self._processes:
            process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()

    def start(self, task: Any) -> Future[Exception | None]:
        """Let the next idle process do a task; its result is the error with which it failed, None if it did not."""
        return self._threads.submit(self._do, task)

    def _do(self, task: Any) -> Exception | None:
        process = self._idle.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(task, process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)  # type: ignore[no-any-return]  # noqa: S301 - of this package's process
        except (OSError, EOFError) as ended:
            return DatasetError(
                f"A process that reads the dataset ended ({ended or 'killed'}). If the memory is short, set "
                "TACOS_READING_PROCESSES=1."
            )
        finally:
            self._idle.put(process)
