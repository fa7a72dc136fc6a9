"""One run at a time sends requests for a cache file: a second one waits, and says so. Reading needs no lock."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import filelock

_LOOK_AGAIN_S = 0.2

_in_process: dict[Path, threading.Lock] = {}
_owners: dict[Path, int] = {}
_guard = threading.Lock()


class SendingLock:
    """An advisory lock beside the cache file; the system frees it when its process ends, however it ends.

    Args:
        cache_path: the cache file.
        say: how the wait is told; standard error by default.
    """

    def __init__(self, cache_path: Path, say: Callable[[str], None] | None = None) -> None:
        self._cache_path = cache_path.resolve()
        self._owner_path = cache_path.with_name(cache_path.name + ".sender.json")
        self._lock = filelock.FileLock(str(cache_path) + ".sending.lock", thread_local=False)
        self._say = say or (lambda text: print(text, file=sys.stderr, flush=True))
        with _guard:
            self._thread_lock = _in_process.setdefault(self._cache_path, threading.Lock())
        self._is_held = False

    def acquire(self) -> bool:
        """Wait until this run may send; returns whether it had to wait (the cache may have grown meanwhile)."""
        if _owners.get(self._cache_path) == threading.get_ident():
            raise RuntimeError(
                f"This thread is already sending requests for {self._cache_path}: finish or close the first `ask` "
                "before the next one sends."
            )
        n_looks = 0
        while True:
            if self._thread_lock.acquire(blocking=False):
                try:
                    self._lock.acquire(timeout=0)
                    break
                except filelock.Timeout:
                    self._thread_lock.release()
                except BaseException:
                    self._thread_lock.release()
                    raise
            n_looks += 1
            if n_looks == 2:  # by now the owner has written down who it is
                self._say(
                    f"Another run ({self._owner()}) is sending requests with the response cache {self._cache_path}: "
                    "waiting for it to end, so that nothing is paid twice. Ctrl-C to give up."
                )
            time.sleep(_LOOK_AGAIN_S)
        self._is_held = True
        _owners[self._cache_path] = threading.get_ident()
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat("T", "seconds")}
        self._owner_path.write_text(json.dumps(owner), encoding="utf-8")
        return n_looks > 0

    def release(self) -> None:
        """Let the next run send."""
        if self._is_held:
            self._is_held = False
            _owners.pop(self._cache_path, None)
            self._owner_path.unlink(missing_ok=True)
            self._lock.release()
            self._thread_lock.release()

    def _owner(self) -> str:
        try:
            owner = json.loads(self._owner_path.read_text(encoding="utf-8"))
            return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "of unknown process"
