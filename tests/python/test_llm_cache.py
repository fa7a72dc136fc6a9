"""The cache file: committed before used, never misread, never corrupted, carried to other machines."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from python_models.llm.cache.response_cache import CachedReply, ResponseCache
from python_models.llm.cache.schema import SCHEMA_VERSION
from python_models.llm.cache.sending_lock import SendingLock
from python_models.llm.cache.transfer import export_cache, import_cache
from python_models.llm.errors import CacheError
from python_models.settings import PROJECT_ROOT


def reply(number: int, text: str | None = "{}", **changes: object) -> CachedReply:
    """A reply with a key made from a number."""
    made = CachedReply(
        key=f"{number:064x}",
        stage="tagging",
        model="gpt-4o-mini",
        attempt=1,
        text=text,
        refusal=None,
        finish_reason="stop",
        n_prompt_tokens=100,
        n_cached_tokens=10,
        n_completion_tokens=20,
        latency_ms=12.5,
        requested_at_us=1_700_000_000_123_456,
    )
    return made._replace(**changes)


def test_a_committed_reply_is_there_for_others_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put(reply(1, "naïve \x00 ☃")).result()
        with ResponseCache(path, read_only=True) as other:
            found = other.get_many([reply(1).key, reply(2).key])
    assert found == {reply(1).key: reply(1, "naïve \x00 ☃")}
    assert found[reply(1).key].requested_at.isoformat() == "2023-11-14T22:13:20.123456+00:00"


def test_the_file_is_synchronous_and_in_write_ahead_mode(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.read("PRAGMA journal_mode") == [("wal",)]
        assert cache.writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_the_first_reply_of_a_request_stays(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        cache.put(reply(1, "first")).result()
        cache.put(reply(1, "second")).result()
        assert cache.get_many([reply(1).key])[reply(1).key].text == "first"


def test_more_keys_than_one_query_takes(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        futures = [cache.put(reply(number)) for number in range(1_700)]
        for future in futures:
            future.result()
        assert len(cache.get_many([reply(number).key for number in range(2_000)])) == 1_700


def test_many_replies_share_a_commit(tmp_path: Path) -> None:
    """A commit waits for the disk; replies that come meanwhile go into the next one together."""
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        n_groups = 0

        def count() -> None:
            nonlocal n_groups
            n_groups += 1

        cache.writer.after_group = count
        blocker = sqlite3.connect(cache.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        futures = [cache.put(reply(number)) for number in range(500)]
        assert not any(future.done() for future in futures), "a reply was used before its commit"
        blocker.execute("COMMIT")
        for future in futures:
            future.result(timeout=10)
        blocker.close()
    assert n_groups <= 3


def test_usage_counts_tokens_by_stage_model_and_price_class(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        cache.put(reply(1))
        cache.put(reply(2, n_prompt_tokens=None, n_cached_tokens=None, n_completion_tokens=None))
        cache.put(reply(3, is_batch=True)).result()
        usage = cache.usage()
    assert [tuple(row) for row in usage] == [
        ("tagging", "gpt-4o-mini", False, False, False, 2, 1, 100, 10, 20),
        ("tagging", "gpt-4o-mini", True, False, False, 1, 0, 100, 10, 20),
    ]


def test_computed_values_are_kept_by_kind(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        cache.put_computed("embedder", {"tag": b"\x00\x01", "other": b""})
        cache.put_computed("embedder", [("tag", b"\x02")])
        assert cache.get_computed("embedder", ["tag", "other", "missing"]) == {"tag": b"\x02", "other": b""}
        assert cache.get_computed("another", ["tag"]) == {}


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_a_file_of_another_version_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put(reply(1)).result()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(CacheError, match=f"schema version {version}.*export"):
        ResponseCache(path)
    assert path.read_bytes() == content


def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(CacheError, match="not a response cache"):
        ResponseCache(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_text("replies\n" * 1000)
    with pytest.raises(CacheError, match="not a database"):
        ResponseCache(path)
    assert path.read_text() == "replies\n" * 1000


def test_looking_at_a_cache_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="no response cache"):
        ResponseCache(tmp_path / "cache.sqlite", read_only=True)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_and_spoils_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put(reply(1, "kept")).result()
        pages = cache.writer._connection.execute("PRAGMA page_count").fetchone()[0]
        cache.writer._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(CacheError, match=r"full.*Free some space"):
            cache.put(reply(2, "x" * 100_000)).result()
        cache.put(reply(3, "small")).result()
    with ResponseCache(path) as cache:
        assert {key[-1] for key in cache.get_many([reply(number).key for number in (1, 2, 3)])} == {"1", "3"}
        assert cache.read("PRAGMA integrity_check") == [("ok",)]


CHILD = """
import resource, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_llm_cache import reply
from python_models.llm.cache.response_cache import ResponseCache
if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
with ResponseCache(Path({path!r})) as cache:
    number = {start}
    while True:
        cache.put(reply(number, "x" * 500)).result()
        print(number, flush=True)
        number += 1
"""


def start_child(path: Path, start: int = 0, limit: int = 0) -> subprocess.Popen[str]:
    """A process that stores replies one after the other and prints each number after its commit."""
    code = CHILD.format(tests=str(Path(__file__).parent), path=str(path), start=start, limit=limit)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    )


def test_a_disk_that_fills_up_under_a_process_spoils_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    child = start_child(path, limit=400_000)
    stdout, stderr = child.communicate(timeout=60)
    numbers = [int(line) for line in stdout.split()]
    assert child.returncode == 1
    assert "CacheError" in stderr
    assert "Free some space" in stderr
    with ResponseCache(path) as cache:
        assert len(cache.get_many([reply(number).key for number in numbers])) == len(numbers) > 10
        assert cache.read("PRAGMA integrity_check") == [("ok",)]
        cache.put(reply(999_999)).result()


def test_two_processes_write_and_one_is_killed(tmp_path: Path) -> None:
    """Nothing that was committed is lost, the file stays sound, and the other process goes on."""
    path = tmp_path / "cache.sqlite"
    children = [start_child(path), start_child(path, start=1_000_000)]
    assert children[0].stdout is not None
    for _ in range(40):
        children[0].stdout.readline()
    numbers = []
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
        numbers += [int(line) for line in child.communicate()[0].split()]
    with ResponseCache(path) as cache:
        assert len(cache.get_many([reply(number).key for number in numbers])) == len(numbers)
        assert cache.read("PRAGMA integrity_check") == [("ok",)]


def test_a_second_sender_waits_and_says_for_whom(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    first, said = SendingLock(path), []
    assert first.acquire() is False
    has_waited: list[bool] = []

    def second() -> None:
        lock = SendingLock(path, said.append)
        has_waited.append(lock.acquire())
        lock.release()

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.5)
    assert not has_waited
    first.release()
    thread.join(timeout=5)
    assert has_waited == [True]
    assert len(said) == 1
    assert f"process {os.getpid()}" in said[0]
    assert str(path) in said[0]
    assert "waiting" in said[0]


def test_the_lock_of_a_killed_sender_is_free(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    code = f"""
import time
from pathlib import Path
from python_models.llm.cache.sending_lock import SendingLock
lock = SendingLock(Path({str(path)!r}))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    said: list[str] = []
    lock = SendingLock(path, said.append)
    threading.Timer(0.5, child.kill).start()
    assert lock.acquire() is True
    lock.release()
    child.communicate()
    assert f"process {child.pid}" in said[0]


def test_the_same_thread_cannot_wait_for_itself(tmp_path: Path) -> None:
    lock = SendingLock(tmp_path / "cache.sqlite")
    lock.acquire()
    with pytest.raises(RuntimeError, match="already sending"):
        SendingLock(tmp_path / "cache.sqlite").acquire()
    lock.release()


@pytest.mark.parametrize("name", ["cache.jsonl", "cache.jsonl.gz"])
def test_an_export_is_imported_whole(tmp_path: Path, name: str) -> None:
    texts = ["plain", 'quotes " and \\ and \n lines \u2028', "☃ 漢字", None]
    with ResponseCache(tmp_path / "a.sqlite") as cache:
        for number, text in enumerate(texts):
            cache.put(reply(number, text, refusal="no" if text is None else None, latency_ms=number / 3)).result()
        cache.put_computed("embedder", {"tag": bytes(range(256))})
        assert export_cache(cache, tmp_path / name) == (4, 1)
        originals = list(cache.iter_replies())
    with ResponseCache(tmp_path / "b.sqlite") as cache:
        assert import_cache(cache, tmp_path / name) == (4, 1)
        assert [copy._replace(is_imported=False) for copy in cache.iter_replies()] == originals
        assert all(copy.is_imported for copy in cache.iter_replies())
        assert cache.get_computed("embedder", ["tag"]) == {"tag": bytes(range(256))}
        assert import_cache(cache, tmp_path / name) == (0, 0), "importing twice adds nothing"
    assert {path.name for path in tmp_path.iterdir() if "partial" in path.name} == set()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind": "reply"', "line 2 is not JSON"),
        ('{"kind": "other"}', "line 2 is no entry"),
        ('{"kind": "reply", "key": "12"}', "line 2 is no entry"),
        ("[1]", "line 2 is no entry"),
        ('{"kind": "computed", "model": "m", "key": "k", "value": "?"}', "line 2 is no entry"),
    ],
)
def test_a_damaged_export_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "cache.jsonl"
    path.write_text(json.dumps({"format": "tacos-cache", "version": SCHEMA_VERSION}) + "\n" + line + "\n")
    with ResponseCache(tmp_path / "cache.sqlite") as cache, pytest.raises(CacheError, match=message):
        import_cache(cache, path)


def test_a_cut_gzip_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl.gz"
    with ResponseCache(tmp_path / "a.sqlite") as cache:
        for number in range(100):
            cache.put(reply(number, os.urandom(100).hex())).result()
        export_cache(cache, whole)
        (tmp_path / "cut.jsonl.gz").write_bytes(whole.read_bytes()[:-2_000])
        (tmp_path / "foreign.jsonl").write_text('{"instruction": "x"}\n')
        with pytest.raises(CacheError, match="cannot be imported"):
            import_cache(cache, tmp_path / "cut.jsonl.gz")
        with pytest.raises(CacheError, match="wanted the header"):
            import_cache(cache, tmp_path / "foreign.jsonl")
        with pytest.raises(CacheError, match="cannot be imported"):
            import_cache(cache, tmp_path / "missing.jsonl")
