"""What the work takes, counted in what does not depend on the machine: queries, keys, parses, passes, bytes, calls."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint
from llm_helpers import run, tagging_work

from python_models.diagnostics.llm_calls import cached_calls
from python_models.llm import replies
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.writer import CacheWriter
from python_models.llm.replies import InvalidReply, parse_scores, parse_tags, read_json_object
from python_models.llm.request import ChatRequest
from python_models.source.files import DatasetFile
from python_models.source.records import describe_files, read_ids, read_records

N_ITEMS = 1_500
# The engine looks up so many requests with one query, at least: fewer and it would be queries, not replies, that cost.
LEAST_LOOKUP = 200
# Bytes that tell the form of a file, with what the buffer takes beyond them.
BEGINNING = 2**20 + 2**13


class Counts(Counter[str]):
    """How often something was done."""


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Counts keys made, queries on the cache, checksums, writes to it; the work is done as ever."""
    found = Counts()
    key, read, check, submit = ChatRequest.key, ResponseCache._read, ResponseCache._check, CacheWriter.submit

    def counted_key(self: ChatRequest, attempt: int = 1) -> str:
        found["keys"] += 1
        return key(self, attempt)

    def counted_read(self: ResponseCache, sql: str, parameters: Sequence[object]) -> Any:
        found["queries"] += 1
        return read(self, sql, parameters)

    def counted_check(self: ResponseCache, row: Any) -> None:
        found["checks"] += 1
        check(self, row)

    def counted_submit(self: CacheWriter, work: Any) -> Any:
        found["writes"] += 1
        return submit(self, work)

    monkeypatch.setattr(ChatRequest, "key", counted_key)
    monkeypatch.setattr(ResponseCache, "_read", counted_read)
    monkeypatch.setattr(ResponseCache, "_check", counted_check)
    monkeypatch.setattr(CacheWriter, "submit", counted_submit)
    return found


@pytest.mark.long
def test_a_replay_makes_one_key_and_one_parse_of_each(tmp_path: Path, counts: Counts) -> None:
    """And few queries: replies are looked up by hundreds."""

    def parse(text: str) -> Any:
        counts["parses"] += 1
        return parse_tags(text)

    with FakeEndpoint() as server:
        run(server, tmp_path, tagging_work(N_ITEMS), parse)
        assert server.record.n_requests == N_ITEMS
        assert counts["keys"] == counts["parses"] == N_ITEMS
        assert counts["writes"] <= N_ITEMS + 5
        counts.clear()
        answers = run(server, tmp_path, tagging_work(N_ITEMS), parse)
        assert server.record.n_requests == N_ITEMS
    assert all(answer.is_cached for answer in answers)
    assert counts["keys"] == counts["parses"] == N_ITEMS
    assert counts["queries"] <= math.ceil(N_ITEMS / LEAST_LOOKUP) + 5
    assert counts["writes"] == 0
    assert counts["checks"] == N_ITEMS
    counts.clear()
    assert sum(batch.num_rows for batch in cached_calls(tmp_path / "cache.sqlite")) == N_ITEMS
    assert counts["queries"] <= N_ITEMS / 1_000 + 3
    assert counts["checks"] == 0, "what was read a moment ago is billed without its text"


def test_measuring_clusters_imports_no_scikit_learn() -> None:
    """Where the centroids are remembered, nobody else needs it, and to import it takes longer than to measure."""
    code = (
        "import sys; import numpy as np; "
        "from python_models.clustering.stability import adjusted_rand_index; "
        "from python_models.diagnostics.coherence import cluster_coherence; "
        "adjusted_rand_index([0, 0, 1], [1, 0, 0]); cluster_coherence(np.eye(9), np.arange(9) % 2, 1); "
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_a_judges_short_reply_that_comes_again_is_not_read_again(
    counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long one is, so that what is remembered stays small; what cannot be read is refused each time."""

    def counted(text: str, *keys: str) -> Any:
        counts["reads"] += 1
        return read_json_object(text, *keys)

    monkeypatch.setattr(replies, "read_json_object", counted)
    short = '{"first_score": 71, "second_score": 7}  '
    long = short + " " * 200
    assert {parse_scores(text) for text in (short, short, short)} == {(71, 7)}
    assert counts["reads"] == 1
    assert {parse_scores(text) for text in (long, long)} == {(71, 7)}
    assert counts["reads"] == 3
    for _ in range(2):
        with pytest.raises(InvalidReply):
            parse_scores('{"first_score": 171, "second_score": 7}  ')


class Counted(io.BufferedReader):
    """A file that counts what is read from it."""

    counts: Counts

    def _count(self, data: bytes) -> bytes:
        self.counts["bytes"] += len(data)
        return data

    def read(self, size: int | None = -1) -> bytes:
        return self._count(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._count(super().readline(size))

    def read1(self, size: int = -1) -> bytes:
        return self._count(super().read1(size))

    def readinto(self, buffer: Any) -> int:
        n = super().readinto(buffer)
        self.counts["bytes"] += n
        return n

    def __next__(self) -> bytes:
        return self._count(super().__next__())


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Counts]:
    """A dataset of 12,000 records, and what is read from it."""
    path = tmp_path / "data.jsonl"
    lines = (json.dumps({"instruction": f"Do {number}.", "output": "word " * 40}) for number in range(12_000))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = Counts()

    def counted_open(self: DatasetFile) -> io.BufferedReader:
        found["opened"] += 1
        file = Counted(self.path.open("rb", buffering=0))
        file.counts = found
        return file

    monkeypatch.setattr(DatasetFile, "open", counted_open)
    return path, found


@pytest.mark.parametrize(
    "read",
    [
        lambda path: sum(batch.num_rows for batch in read_records(path, "")),
        lambda path: sum(len(ids) for ids in read_ids(path, "")),
        lambda path: describe_files(path)[0]["n_records"],
    ],
    ids=["records", "ids", "files"],
)
def test_a_dataset_is_read_once_by_each_that_reads_it(dataset: tuple[Path, Counts], read: Any) -> None:
    """To recognise its form takes the beginning once more, a megabyte."""
    path, found = dataset
    assert read(str(path)) == 12_000
    size = path.stat().st_size
    assert 2 * BEGINNING < size <= found["bytes"] <= size + BEGINNING
    assert found["opened"] <= 2
