"""Extras on real third-party files, which are no part of the project: collected only where they lie beside it.

``conftest.py`` says where. Each has a counterpart on data of the project's own, which runs everywhere.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections import Counter, defaultdict

import numpy as np
import pytest
from conftest import REAL_DATA
from normalization_pipeline import Normalization
from sqlmesh import Context

from python_models.embedded.judge import score_response
from python_models.source.records import read_records

# One process for all: rendering the queries takes longer than running them.
pytestmark = pytest.mark.long


def bare(tag: str, plural: str) -> str:
    """A tag without case, separators and plural ending, made in another way than the rules make it."""
    words = re.split(r"[\W_]+", unicodedata.normalize("NFKC", tag).casefold())
    return re.sub(plural, "", "".join(words))


@pytest.mark.parametrize(
    ("locale", "language", "plural", "n_raw", "n_kept"),
    [
        ("en", "english", "(?<=[a-z]{3}[^siu])s$", 1375, 273),
        ("es-ES", "spanish", "(?<=[^\\W\\d]{3})s$", 1383, 269),
        ("fr-FR", "french", "(?<=[^\\W\\d]{3})s$", 1374, 271),
        ("zh-CN", "english", "(?<=[a-z]{3}[^siu])s$", 1344, 247),
    ],
)
def test_real_tags_become_few_that_differ_in_more_than_writing(
    project: Context, locale: str, language: str, plural: str, n_raw: int, n_kept: int
) -> None:
    with gzip.open(REAL_DATA / "tags" / "grouped_agent_tags.jsonl.gz", "rt", encoding="utf-8") as lines:
        items = [item for item in map(json.loads, lines) if item["locale"] == locale]
    real = Normalization(project, {"stemming_language": language})
    real.run([(item["id"], tag) for item in items for tag in item["tags"]])
    assert real.failed_audits() == {}
    kept = {tag for tag in real.tag_map().values() if tag is not None}
    alike = defaultdict(set)
    for tag in kept:
        alike[bare(tag, plural)].add(tag)
    assert [tags for tags in alike.values() if len(tags) > 1] == []
    assert (len(real.tag_map()), len(kept)) == (n_raw, n_kept)


@pytest.mark.parametrize(
    ("name", "n_records", "n_distinct", "rejected"),
    [
        ("alpaca_format_1100.json", 1100, 1100, {}),
        ("alpaca_format_zh_1000.json.gz", 1000, 992, {}),
        ("dirty_alpaca_libre.jsonl.gz", 2375, 2133, {"response is empty": 237}),
        ("dolly_3k.csv", 2996, 2994, {}),
        ("dolly_3k.parquet", 2996, 2994, {}),
        ("messages_parts_500.jsonl.gz", 500, 499, {}),
        ("permissive_24k.jsonl.gz", 23731, 23724, {"response is a placeholder for none": 4}),
        ("sharegpt_format_500.json", 500, 500, {}),
        ("sharegpt_toolcall_300.json.gz", 300, 262, {}),
    ],
)
def test_real_files_lose_no_record(name: str, n_records: int, n_distinct: int, rejected: dict[str, int]) -> None:
    batches = read_records(str(REAL_DATA / "instructions" / name), "")
    got = [row for batch in batches for row in batch.to_pylist()]
    assert len({row["record_id"] for row in got}) == len(got) == n_records
    assert Counter(row["error"] for row in got if row["error"]) == rejected
    assert len({(row["instruction"], row["response"]) for row in got if row["error"] is None}) == n_distinct


def test_the_offline_judge_agrees_with_people() -> None:
    """On pairs of which two of three people prefer the same response, it does so in about three of four.

    All pairs, but with one cosine for all: embedding them would take minutes. With embeddings
    it is 0.77 on every third pair.
    """
    right = []
    for item in json.loads(gzip.decompress((REAL_DATA / "judge" / "pandalm_human_999.json.gz").read_bytes())):
        votes = [item[f"annotator{i}"] for i in (1, 2, 3)]
        winner = max((0, 1, 2), key=votes.count)
        if winner and votes.count(winner) >= 2:
            prompt = f"{item['instruction']}\n{item['input']}".strip()
            first, second = (score_response(prompt, str(item[f"response{i}"]), 0.6).score for i in (1, 2))
            right.append(0.5 if first == second else float((first > second) == (winner == 1)))
    assert len(right) > 800
    assert np.mean(right) == pytest.approx(0.75, abs=0.03)
