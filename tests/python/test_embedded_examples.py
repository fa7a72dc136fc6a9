"""The example bank and the embedder: good form, the right neighbours, the same numbers every time."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from python_models.embedded.embedder import embed, embedder_identity
from python_models.embedded.examples import (
    Example,
    ExampleBankError,
    cached_nearest_examples,
    nearest_examples,
    read_bank,
    request_head,
)
from python_models.prompts import prompt_text

BANK_TEXT = prompt_text("tag_instruction_embedded.jsonl")
PATTERN = json.loads(prompt_text("tag_reply_embedded.schema.json"))["properties"]["tags"]["items"]["pattern"]


def test_the_bank_is_within_what_the_model_may_answer() -> None:
    bank = read_bank(BANK_TEXT)
    assert len(bank) >= 40
    for example in bank:
        assert 2 <= len(example.tags) <= 3
        assert len(set(example.tags)) == len(example.tags)
        assert all(re.fullmatch(PATTERN, tag) for tag in example.tags), example


def test_the_bank_shares_a_vocabulary() -> None:
    """Only tags that several samples share survive, so most examples carry a tag of another example."""
    bank = read_bank(BANK_TEXT)
    counts = Counter(tag for example in bank for tag in example.tags)
    assert np.mean([max(counts[tag] for tag in example.tags) >= 2 for example in bank]) > 0.95


def test_no_example_is_a_sample_of_the_bundled_dataset() -> None:
    lines = (Path(__file__).resolve().parents[2] / "seeds" / "sample_dataset.jsonl").read_text("utf-8").splitlines()
    samples = {str(json.loads(line).get("instruction")).strip().lower() for line in lines}
    assert samples
    assert not samples & {example.request.lower() for example in read_bank(BANK_TEXT)}


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "Line 4 .*no JSON"), ('{"request": "x"}', "Line 4 .*must look like"), ('["x"]', "Line 4"),
     ('{"request": "a", "tags": ["b"]}', "Line 4 .*repeats")],
)  # fmt: skip
def test_a_bad_line_of_the_bank_is_named(line: str, message: str) -> None:
    good = "\n".join(json.dumps({"request": letter, "tags": ["t"]}) for letter in "abc")
    with pytest.raises(ExampleBankError, match=message):
        read_bank(f"{good}\n{line}\n")


def fake_embed(texts: Sequence[str]) -> np.ndarray:
    vectors = np.array([[text.count("a") + 0.1, text.count("b"), 0.0] for text in texts], dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_nearest_example_comes_last_and_ties_follow_the_bank() -> None:
    bank = [Example(request, ("t",)) for request in ("b", "bb b", "ab", "a")]
    assert [e.request for e in nearest_examples(["a"], bank, fake_embed)[0]] == ["ab", "a"]
    tie = [Example(request, ("t",)) for request in ("b", "a 1", "a 2", "a 3", "a 4")]
    assert [e.request for e in nearest_examples(["a"], tie, fake_embed)[0]] == ["a 2", "a 1"]
    assert nearest_examples([], bank, fake_embed) == []


def test_the_head_of_a_request_says_the_task() -> None:
    assert request_head("Correct the grammar.\nThe cats is asleep.") == "Correct the grammar."
    assert request_head("Translate:\nThe cats are asleep.") == "Translate:\nThe cats are asleep."


@pytest.mark.embedded
def test_neighbours_are_of_the_same_kind() -> None:
    wanted = {
        "Fix the grammar.\nMe and him goes to the volcano in Italy.": "grammar correction",
        "What is the capital of Kenya?": "geography",
        "Write a Python function that reverses a string": "python",
        "How do I make lentil curry tonight?": "recipe",
    }
    found = nearest_examples(list(wanted), read_bank(BANK_TEXT), embed)
    for (text, tag), examples in zip(wanted.items(), found, strict=True):
        assert tag in {t for example in examples for t in example.tags}, text


@pytest.mark.embedded
def test_neighbours_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    texts = ["Name a river in Peru.", "Name a river in Peru.", "Bake a cake, please."]
    bank = "\n".join(BANK_TEXT.splitlines()[:10])
    first = cached_nearest_examples(texts, bank)
    monkeypatch.setattr("python_models.embedded.examples.embed", None)
    assert cached_nearest_examples(texts, bank) == first
    with pytest.raises(TypeError):
        cached_nearest_examples(["something new"], bank)


@pytest.mark.embedded
def test_vectors_do_not_depend_on_their_neighbours() -> None:
    texts = ["recipe", "grammar correction", "a longer text about " + "many things " * 40, "", "\ud800"]
    together = embed(texts)
    alone = np.concatenate([embed([text]) for text in reversed(texts)])[::-1]
    assert together.shape == (5, 384)
    assert together.dtype == np.float32
    assert np.abs(together - alone).max() <= 2e-6
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-4)
    assert embed([]).shape == (0, 384)
    assert embedder_identity() == "all-MiniLM-L6-v2@53aa5117"
    assert embedder_identity("whaleloops/phrase-bert") == "whaleloops/phrase-bert"


@pytest.mark.embedded
def test_another_model_is_really_loaded(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError)):
        embed(["x"], str(tmp_path / "no-such-model"))
