"""The cache file: committed before used, never misread, never corrupted, carried to other machines."""

from __future__ import annotations

import base64
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

from python_models.llm.cache import tables, transfer
from python_models.llm.cache.checksum import row_checksum
from python_models.llm.cache.entries import EXPORT_VERSION
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.llm.cache.schema import connect
from python_models.llm.cache.sending_lock import SendingLock
from python_models.llm.cache.tables import SCHEMA_VERSION
from python_models.llm.cache.transfer import export_cache, import_cache
from python_models.llm.cache.upkeep import drop_damaged, drop_imported
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
        cache.put(reply(1, n_cache_write_tokens=30))
        cache.put(reply(2, n_prompt_tokens=None, n_cached_tokens=None, n_completion_tokens=None))
        cache.put(reply(3, is_batch=True)).result()
        usage = cache.usage()
    assert [tuple(row) for row in usage] == [
        ("tagging", "gpt-4o-mini", False, False, False, 2, 1, 100, 10, 20, 30),
        ("tagging", "gpt-4o-mini", True, False, False, 1, 0, 100, 10, 20, 0),
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
    path.write_text(json.dumps({"format": "tacos-cache", "version": 1}) + "\n" + line + "\n")
    with ResponseCache(tmp_path / "cache.sqlite") as cache, pytest.raises(CacheError, match=message):
        import_cache(cache, path)


# --- checksums, and files of older versions ---------------------------------------------------------------------------


def make_old(path: Path) -> None:
    """Turn a cache file into one of version 1."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "ALTER TABLE replies DROP COLUMN n_cache_write_tokens;"
        "ALTER TABLE replies DROP COLUMN checksum; ALTER TABLE computed DROP COLUMN checksum;"
        "ALTER TABLE computed DROP COLUMN is_imported; PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)"
    )
    connection.close()


def filled(path: Path, n_replies: int = 5) -> list[CachedReply]:
    """A cache with some replies and a computed value; returns the replies."""
    with ResponseCache(path) as cache:
        futures = [cache.put(reply(number, f"text {number} ☃", latency_ms=number)) for number in range(n_replies)]
        for future in futures:
            future.result()
        cache.put_computed("embedding m", {"tag": b"\x00\x00\x80\x3f"})
        return list(cache.iter_replies())


def execute(path: Path, sql: str) -> None:
    """Change the file behind the back of the cache."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()


def test_a_file_of_version_1_is_brought_up_to_date_and_its_rows_get_checksums(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    originals = filled(path)
    make_old(path)
    with ResponseCache(path, read_only=True) as cache:  # first only read, and not changed by it
        assert list(cache.iter_replies()) == originals
        assert list(cache.get_many([original.key for original in originals]).values()) == originals
        assert list(cache.iter_computed()) == [("embedding m", "tag", b"\x00\x00\x80\x3f")]
        assert cache.read("PRAGMA user_version") == [(1,)]
    with ResponseCache(path) as cache:
        assert cache.read("PRAGMA user_version") == [(SCHEMA_VERSION,)]
        assert list(cache.iter_replies()) == originals
        assert cache.get_computed("embedding m", ["tag"]) == {"tag": b"\x00\x00\x80\x3f"}
        assert cache.read("SELECT COUNT(*) FROM replies WHERE LENGTH(checksum) = 8") == [(5,)]
        cache.put(reply(99)).result()
    execute(path, "UPDATE replies SET reply = 'changed' WHERE reply LIKE 'text 3%'")
    with ResponseCache(path) as cache, pytest.raises(CacheError, match=f"{reply(3).key}.*checksum"):
        list(cache.iter_replies())


def test_a_file_of_version_2_keeps_every_reply_and_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    originals = filled(path)
    execute(path, "ALTER TABLE replies DROP COLUMN n_cache_write_tokens")
    execute(path, "PRAGMA user_version = 2")
    execute(path, "UPDATE replies SET n_prompt_tokens = 1 WHERE rowid = 5")  # damaged before: it must not be blessed
    with sqlite3.connect(path) as connection:
        checksums = connection.execute("SELECT rowid, checksum FROM replies").fetchall()
    key, *values = originals[0]  # as version 2 made them
    assert checksums[0][1] == row_checksum(bytes.fromhex(key), *values[:11], 0, 0)
    with ResponseCache(path, read_only=True) as cache:  # first only read, and not changed by it
        assert list(cache.get_many([original.key for original in originals[:4]]).values()) == originals[:4]
        assert cache.usage()[0].n_cache_write_tokens == 0
        assert cache.read("PRAGMA user_version") == [(2,)]
    with ResponseCache(path) as cache:
        assert cache.read("PRAGMA user_version") == [(SCHEMA_VERSION,)]
        assert cache.read("SELECT rowid, checksum FROM replies") == checksums
        assert list(cache.get_many([original.key for original in originals[:4]]).values()) == originals[:4]
        with pytest.raises(CacheError, match=f"{reply(4).key}.*checksum"):
            cache.get_many([reply(4).key])
        cache.put(reply(99, n_cache_write_tokens=7)).result()
        assert cache.get_many([reply(99).key])[reply(99).key].n_cache_write_tokens == 7
    execute(path, "UPDATE replies SET n_cache_write_tokens = NULL WHERE n_cache_write_tokens = 7")
    with ResponseCache(path) as cache, pytest.raises(CacheError, match=f"{reply(99).key}.*checksum"):
        cache.get_many([reply(99).key])
    assert drop_damaged(path) == (2, 0)


def test_a_file_whose_upgrade_fails_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache.sqlite"
    originals = filled(path)
    execute(path, "ALTER TABLE replies DROP COLUMN n_cache_write_tokens")
    execute(path, "PRAGMA user_version = 2")
    upgrade = tables.UPGRADES[2]
    monkeypatch.setitem(tables.UPGRADES, 2, (*upgrade, "SELECT * FROM nowhere"))
    with pytest.raises(CacheError, match="nowhere"):
        ResponseCache(path)
    monkeypatch.setitem(tables.UPGRADES, 2, upgrade)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    with ResponseCache(path) as cache:
        assert list(cache.iter_replies()) == originals


@pytest.mark.parametrize(
    "change",
    [
        "n_cache_write_tokens = 9",
        "reply = replace(reply, 'text', 'texT')",
        "n_completion_tokens = 2",
        "model = 'gpt-4o-minj'",
        "finish_reason = NULL",
        "is_free = 1",
        "requested_at = requested_at + 1",
        "latency_ms = 'fast'",
        "reply = CAST(x'ff00ff' AS TEXT)",
    ],
)
def test_a_reply_that_was_changed_is_never_used(tmp_path: Path, change: str) -> None:
    path = tmp_path / "cache.sqlite"
    filled(path)
    execute(path, f"UPDATE replies SET {change} WHERE rowid = 2")
    with ResponseCache(path) as cache:
        assert len(cache.get_many([reply(0).key])) == 1, "the others can be used"
        with pytest.raises(CacheError, match="tacos cache drop-damaged"):
            cache.get_many([reply(1).key])
        with pytest.raises(CacheError, match="tacos cache drop-damaged"):
            export_cache(cache, tmp_path / "export.jsonl")
    assert drop_damaged(path) == (1, 0)
    with ResponseCache(path) as cache:
        assert len(list(cache.iter_replies())) == 4
        assert cache.reserved() or change == "is_free = 1", "what it cost stays counted"


def test_a_computed_value_that_was_changed_is_never_used(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    filled(path)
    execute(path, "UPDATE computed SET value = x'00000000'")
    with ResponseCache(path) as cache, pytest.raises(CacheError, match="the computed value tag"):
        cache.get_computed("embedding m", ["tag"])
    assert drop_damaged(path) == (0, 1)


# --- imports: checked, whole or nothing, undone -----------------------------------------------------------------------


def exported(tmp_path: Path) -> list[str]:
    """Lines of an export."""
    filled(tmp_path / "theirs.sqlite")
    with ResponseCache(tmp_path / "theirs.sqlite") as cache:
        export_cache(cache, tmp_path / "theirs.jsonl")
    return (tmp_path / "theirs.jsonl").read_text(encoding="utf-8").splitlines()


def refused(tmp_path: Path, lines: list[str], message: str) -> None:
    """See that an import of these lines is refused and leaves the cache as it was."""
    path = tmp_path / "import.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with ResponseCache(tmp_path / "ours.sqlite") as cache:
        cache.put(reply(777, "ours")).result()
        before = cache.counts()
        with pytest.raises(CacheError, match=message):
            import_cache(cache, path)
        assert cache.counts() == before
        cache.put(reply(778, "ours")).result()


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 0},
        {"n_prompt_tokens": -1},
        {"n_completion_tokens": 2**60},
        {"latency_ms": float("nan")},
        {"latency_ms": -1.0},
        {"requested_at_us": -1},
        {"requested_at_us": 10**18},
        {"stage": ""},
        {"model": "m" * 1_000},
        {"text": "lone \ud800"},
        {"key": "12"},
        {"is_free": 1},
        {"n_prompt_tokens": True},
        {"extra": 1},
    ],
)
def test_an_import_checks_types_and_ranges(tmp_path: Path, change: dict[str, object]) -> None:
    lines = exported(tmp_path)
    entry = json.loads(lines[4]) | change
    del entry["checksum"]
    header = json.dumps({"format": "tacos-cache", "version": 1})
    refused(tmp_path, [header, *(strip(line) for line in lines[1:4]), json.dumps(entry)], "line 5 is no entry")


def strip(line: str) -> str:
    """A line as version 1 wrote it."""
    entry = json.loads(line)
    del entry["checksum"]
    entry.pop("n_cache_write_tokens", None)
    return json.dumps(entry)


def test_an_export_of_version_1_is_read(tmp_path: Path) -> None:
    lines = exported(tmp_path)
    old = [json.dumps({"format": "tacos-cache", "version": 1}), *(strip(line) for line in lines[1:-1])]
    (tmp_path / "old.jsonl").write_text("\n".join(old) + "\n", encoding="utf-8")
    with ResponseCache(tmp_path / "ours.sqlite") as cache:
        assert import_cache(cache, tmp_path / "old.jsonl") == (5, 1)


def test_an_export_of_version_2_is_read_and_its_checksums_hold(tmp_path: Path) -> None:
    lines = exported(tmp_path)
    old = [line.replace(',"n_cache_write_tokens":null', "") for line in lines]
    old[0] = json.dumps({"format": "tacos-cache", "version": 2})
    assert sum(a != b for a, b in zip(old, lines, strict=True)) == 6
    (tmp_path / "old.jsonl").write_text("\n".join(old) + "\n", encoding="utf-8")
    with ResponseCache(tmp_path / "new.sqlite") as cache:
        assert import_cache(cache, tmp_path / "old.jsonl") == (5, 1)
    refused(tmp_path, [*old[:3], old[3].replace("text 2", "test 2"), *old[4:]], "line 4 .*checksum")


def test_a_letter_that_changed_on_the_way_is_seen(tmp_path: Path) -> None:
    lines = exported(tmp_path)
    lines[3] = lines[3].replace("text 2", "test 2")
    refused(tmp_path, lines, "line 4 .*checksum")


@pytest.mark.parametrize("n_cut", [1, 3])
def test_an_export_that_was_cut_after_a_line_is_refused(
    tmp_path: Path, n_cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when what stands before the cut has been written already."""
    monkeypatch.setattr(transfer, "_ROWS_PER_BLOCK", 1)
    refused(tmp_path, exported(tmp_path)[:-n_cut], "was cut")


def test_an_export_that_lost_a_line_is_refused(tmp_path: Path) -> None:
    lines = exported(tmp_path)
    refused(tmp_path, lines[:2] + lines[3:], "had 5 replies")


@pytest.mark.parametrize("version", [0, EXPORT_VERSION + 1, True, "2", 2.0, None])
def test_the_version_line_is_checked(tmp_path: Path, version: object) -> None:
    lines = exported(tmp_path)
    refused(tmp_path, [json.dumps({"format": "tacos-cache", "version": version}), *lines[1:]], "the export has version")
    refused(tmp_path, lines[1:], "wanted the header")
    refused(tmp_path, ["", *lines], "not JSON")


def test_an_empty_file_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with ResponseCache(tmp_path / "ours.sqlite") as cache, pytest.raises(CacheError, match="is empty"):
        import_cache(cache, tmp_path / "empty.jsonl")


@pytest.mark.parametrize("value", [b"", b"\x00" * 8, b"\x00" * 5, b"\x00\x00\x80\x7f"])
def test_an_import_checks_vectors(tmp_path: Path, value: bytes) -> None:
    """Four bytes are one dimension, as the cache has it; the last one is infinity."""
    filled(tmp_path / "ours.sqlite")
    entry = {"kind": "computed", "model": "embedding m", "key": "other", "value": base64.b64encode(value).decode()}
    header = json.dumps({"format": "tacos-cache", "version": 1})
    refused(tmp_path, [header, json.dumps(entry)], "line 2 is no entry of a cache: ValueError a vector")


def test_what_was_imported_can_be_taken_out_again(tmp_path: Path) -> None:
    exported(tmp_path)
    with ResponseCache(tmp_path / "ours.sqlite") as cache:
        cache.put(reply(1, "ours")).result()
        cache.put_computed("embedding m", {"ours": b"\x00\x00\x00\x00"})
        assert import_cache(cache, tmp_path / "theirs.jsonl") == (4, 1)
    assert drop_imported(tmp_path / "ours.sqlite") == (4, 1)
    with ResponseCache(tmp_path / "ours.sqlite") as cache:
        assert [found.text for found in cache.iter_replies()] == ["ours"]
        assert [key for _, key, _ in cache.iter_computed()] == ["ours"]


@pytest.mark.parametrize("is_old", [False, True])
def test_a_cache_on_a_read_only_medium_is_read_and_exported(tmp_path: Path, is_old: bool) -> None:
    """In a process that may not write the folder; the superuser has to give up the right to write everywhere."""
    folder = tmp_path / "medium"
    filled(folder / "cache.sqlite")
    if is_old:
        make_old(folder / "cache.sqlite")
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    code = f"""
from pathlib import Path
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.transfer import export_cache
from python_models.llm.errors import CacheError
with ResponseCache(Path({str(folder / "cache.sqlite")!r})) as cache:
    print(len(list(cache.iter_replies())), export_cache(cache, Path({str(tmp_path / "export.jsonl")!r})).n_replies)
    try:
        cache.put_computed("x", {{"y": b""}})
    except CacheError as error:
        print(error)
"""
    command = [sys.executable, "-c", code]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT)
    folder.chmod(0o755)
    assert done.stdout.startswith("5 5\n"), done.stderr
    assert "can only be read" in done.stdout
    assert {path.name for path in folder.iterdir()} == {"cache.sqlite"}


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


def test_opening_waits_for_another_that_makes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has its own patience for every lock but this one: a write by another before write-ahead mode is on."""
    other = sqlite3.connect(tmp_path / "cache.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("ROLLBACK")

    monkeypatch.setattr("python_models.llm.cache.schema.time.sleep", wait)
    connect(tmp_path / "cache.sqlite").close()
    assert len(waits) == 1
    other.close()


def test_many_that_create_the_file_at_once_all_open_it(tmp_path: Path) -> None:
    """SQLite does not wait for a lock while a file is put into write-ahead mode: one of some hundred failed."""
    errors = []

    def open_at_once(path: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            connect(path).close()
        except CacheError as error:
            errors.append(str(error))

    for step in range(40):
        start = threading.Barrier(8)
        threads = [threading.Thread(target=open_at_once, args=(tmp_path / f"{step}.sqlite", start)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
