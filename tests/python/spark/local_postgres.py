"""A Postgres server of its own, for as long as a test lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

USER, PASSWORD, DATABASE = "tacos", "pass:w@rd/1", "postgres"


def missing_for_postgres() -> str | None:
    """Why no server can be started here; None if it can."""
    if find_spec("psycopg2") is None:
        return "psycopg2 is not installed (requirements/spark.txt)"
    absent = [name for name in ("initdb", "pg_ctl") if shutil.which(name) is None]
    if absent:
        return f"there is no {absent[0]}"
    if os.getuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        return "Postgres does not run as root, and there is no user postgres"
    return None


@contextmanager
def local_postgres() -> Iterator[str]:
    """Start a server with a password on a free port of loopback; its address, as TACOS_STATE_URL takes it."""
    user = "postgres" if os.getuid() == 0 else None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="tacos-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(folder / "password", user)
        data, log = folder / "data", folder / "log"
        login = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", str(folder / "password")]
        _call(["initdb", "--pgdata", str(data), "--no-sync", *login], user)
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        _call(["pg_ctl", "--pgdata", str(data), "--log", str(log), "--wait", "--options", options, "start"], user)
        try:
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"
        finally:
            _call(["pg_ctl", "--pgdata", str(data), "--mode", "fast", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: list[str], user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr or done.stdout}"
