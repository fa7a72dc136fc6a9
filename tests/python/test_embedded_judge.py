"""The offline judge: each feature does what its name says, and the score agrees with people as often as claimed."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from python_models.embedded import features as f
from python_models.embedded.embedder import embed
from python_models.embedded.judge import COEFFICIENTS, JUDGE_NAME, OFFLINE_NOTE, score_response
from python_models.embedded.languages import language_of, script_of
from python_models.settings import PROJECT_ROOT

SKY = "Why is the sky blue and not green, and what has the sun to do with it?"
GERMAN = "Das ist so, weil das Licht der Sonne in der Luft gestreut wird, und zwar nicht alles gleich."
CHINESE = "春天来了，公园里的花都开了，孩子们在草地上奔跑，老人们在树下聊天，大家都很高兴。"


def texts(response: str, instruction: str = "Tell me about tea.", cosine: float = 0.6) -> f.Texts:
    return f.Texts(instruction, response, cosine)


def test_new_counts_distinct_words_that_are_neither_function_words_nor_given() -> None:
    assert f.new(texts("The tea is green, GREEN and hot.")) == pytest.approx(math.log(1 + 2))
    assert f.new(texts("茶很好", "喝什么?")) == pytest.approx(math.log(1 + 3 * 0.5))


def test_new_takes_the_function_words_of_the_response_s_language() -> None:
    assert f.new(texts("war die sin")) == pytest.approx(math.log(4))
    german = "Das ist der Tee, den ich mit dir und der Oma trinke, und es ist nicht der von dem Markt."
    assert f.new(texts(german, "Erzähl mir was.")) == pytest.approx(
        math.log(1 + len({"tee", "dir", "oma", "trinke", "markt"}))
    )


@pytest.mark.parametrize(("response", "breaks"), [("one", 0), ("one\ntwo\n\nthree\n", 3), ("", 0)])
def test_lines_counts_line_breaks_inside(response: str, breaks: int) -> None:
    assert f.lines(texts(response)) == pytest.approx(math.log(1 + breaks))


def test_rep_sent_is_the_share_of_repeated_sentences() -> None:
    assert f.rep_sent(texts("Drink tea. Drink  tea! It is hot. Drink tea.")) == pytest.approx(2 / 4)
    assert f.rep_sent(texts("好茶。好茶。")) == pytest.approx(1 / 2)
    assert f.rep_sent(texts("")) == 0


def test_cosine_features_have_dead_zones() -> None:
    assert f.hi_cos(texts("x", cosine=0.95)) == pytest.approx(0.05)
    assert f.off(texts("x", cosine=0.1)) == pytest.approx(0.2)
    assert f.hi_cos(texts("x", cosine=0.5)) == f.off(texts("x", cosine=0.5)) == 0


def test_copy_all_counts_copied_word_4_grams_above_one_half() -> None:
    given = "one two three four five six seven eight"
    assert f.copy_all(texts(given, given)) == pytest.approx(0.5)
    assert f.copy_all(texts("one two three four nine ten", given)) == 0
    assert f.copy_all(texts("one two", given)) == 0


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("### Instruction: do more", 1),
        ("Fine.\nUser: and now?", 1),
        ("done</s>", 1),
        ("<|im_end|>", 1),
        ("The user: a person who uses things.", 0),
        ("## Ingredients\nTea", 0),
    ],
)
def test_leak_finds_prompt_markers_and_turn_labels(response: str, expected: int) -> None:
    assert f.leak(texts(response)) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Tea is a drink that is made by pouring hot", 1),
        ("Tea is a drink that is made by pouring hot water.", 0),
        ("Green tea", 0),
        ("Here is what you need for it today:\n- some tea\n- a bit of hot water", 0),
        ("You can do it with this one line of Python:\nimport tea", 0),
        ("茶是一种用热水冲泡的饮料，它", 1),
    ],
)
def test_trunc_sees_a_text_that_breaks_off(response: str, expected: int) -> None:
    assert f.trunc(texts(response)) == expected


@pytest.mark.parametrize(
    ("instruction", "response", "expected"),
    [
        ("Tell me about the spring.", CHINESE, 1),
        ("Translate it into Chinese: spring has come to us.", CHINESE, 0),
        (
            SKY,
            GERMAN,
            1,
        ),
        (
            SKY,
            "It is because of the way the light is scattered by the air.",
            0,
        ),
        ("2 + 2", "4", 0),
    ],
)
def test_lang_sees_another_script_or_language(instruction: str, response: str, expected: int) -> None:
    assert f.lang(texts(response, instruction)) == expected


def test_scripts_and_languages() -> None:
    by_script = {
        "latin": "hello there",
        "cyrillic": "Привет, как дела",
        "han": CHINESE,
        "japanese": "これは日本語の文章です",
        "korean": "한국어로 쓴 글",
        None: "12 !",
    }
    assert [script_of(text) for text in by_script.values()] == list(by_script)
    assert language_of(f.words_of("el perro está en la casa y no quiere salir con los niños")) == "spanish"
    assert language_of(f.words_of("no la a")) is None, "too few words"
    assert language_of(f.words_of("de la en es que")) is None, "Spanish, but nearly French as well"


def test_score_is_the_published_formula() -> None:
    """A sentence whose features are known by hand: new = ln 4 (green, hot, drink), everything else 0."""
    result = score_response("Tell me about tea.", "A green, hot drink.", 0.6)
    assert result.features == dict.fromkeys(COEFFICIENTS, 0.0) | {"new": round(math.log(4), 4)}
    assert result.score == round(50 + 12 * (0.72 * math.log(4) - 1.9))
    off_topic = score_response("Tell me about tea.", "A green, hot drink.", 0.1)
    assert off_topic.score == round(50 + 12 * (0.72 * math.log(4) - 9.6 * 0.2 - 1.9))


def test_score_stays_on_the_scale() -> None:
    assert score_response("Tell me.", " \n", 0.9).score == 1
    assert score_response("a b", "a b " * 400, 1.0).score == 1
    assert score_response("Go.", "\n".join(f"word{i}x line{i}y item{i}z." for i in range(3000)), 0.5).score == 100
    assert "not an LLM judge" in OFFLINE_NOTE
    assert JUDGE_NAME == "offline-heuristic-v1"


def corruptions(prompt: str, response: str, rng: random.Random) -> dict[str, str]:
    words = response.split()
    return {
        "empty": " ",
        "truncated": " ".join(words[: len(words) // 2]),
        "shuffled": " ".join(rng.sample(words, len(words))),
        "repeated": " ".join([response] * 4),
        "copied": prompt,
        "wrong language": CHINESE,
    }


@pytest.mark.embedded
def test_it_ranks_bundled_responses_above_corrupted_copies() -> None:
    """More than nine of ten responses of the bundled dataset win against a corrupted copy; the kinds take turns."""
    rng = random.Random(7)
    lines = (PROJECT_ROOT / "seeds" / "sample_dataset.jsonl").read_text("utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if 40 < len(record["output"]) < 300]
    whole, corrupted, kinds = [], [], []
    for index, record in enumerate(records):
        prompt = f"{record['instruction']}\n{record.get('input', '')}".strip()[:200]
        copies = corruptions(prompt, record["output"], rng)
        kinds.append(sorted(copies)[index % len(copies)])
        whole.append((prompt, record["output"]))
        corrupted.append((prompt, copies[kinds[-1]]))
    distinct = list(dict.fromkeys(text for pair in whole + corrupted for text in pair))
    vectors = dict(zip(distinct, embed(distinct), strict=True))
    good, bad = (
        [score_response(a, b, float(np.dot(vectors[a], vectors[b]))).score for a, b in pairs]
        for pairs in (whole, corrupted)
    )
    wins = np.greater(good, bad)
    per_kind = {kind: np.mean(wins[np.array(kinds) == kind]) for kind in set(kinds)}
    assert len(records) > 70
    assert np.mean(wins) > 0.9, per_kind
    assert min(per_kind.values()) > 0.6, per_kind
