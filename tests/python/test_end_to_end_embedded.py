"""The whole project with the live embedded models: no key, no endpoint, the same result every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_copy import PLAN, ProjectCopy

pytestmark = pytest.mark.embedded

SAMPLES = [
    ("Correct the grammar: she go to school every day.", "She goes to school every day."),
    ("Fix the spelling and grammar: i has too dogs", "I have two dogs."),
    ("Correct this sentence: Me and him was late.", "He and I were late."),
    ("Translate to French: Where is the station?", "Où est la gare ?"),
    ("Translate to French: I would like a coffee, please.", "Je voudrais un café, s'il vous plaît."),
    ("Write a Python function that reverses a list.", "def reverse(items):\n    return items[::-1]"),
    ("Write a Python function that counts the words in a text.", "Count them one by one with your finger."),
    ("Give me a recipe for pancakes.", "Whisk 200 g flour, 3 eggs and 400 ml milk; fry ladlefuls in butter."),
]
NEW = [("Translate to French: Good night!", "Bonne nuit !"), ("Give me a recipe for tomato soup.", "Open a can.")]
SELECTED = "SELECT * FROM tacos.selected ORDER BY selection_rank"


REPLIES = "SELECT sample_id, raw_reply FROM tacos.tag_replies ORDER BY sample_id"


@pytest.mark.slow
def test_a_project_without_a_key(tmp_path: Path) -> None:
    project = ProjectCopy(tmp_path)
    project.write_samples(SAMPLES)
    output = project.run("run", module="python_models.cli")
    assert "offline heuristic" in output
    assert "Warning" not in output, "a new user sees what nobody can do anything about"
    assert "Nothing is left to pay" in project.run("estimate", module="python_models.cli")
    assert project.query("SELECT COUNT(*) FROM tacos.tag_replies WHERE error IS NULL") == [(len(SAMPLES),)]
    tags = {tag for (tag,) in project.query("SELECT normalized_tag FROM tacos.normalized_tags")}
    assert {"french", "translation"} <= tags, tags
    assert project.query("SELECT COUNT(*) FROM tacos.selected") == [(2,)]
    assert project.query("SELECT COUNT(*) FROM tacos.sample_scores WHERE judge_model LIKE '%not an LLM judge'") != [
        (0,)
    ]
    free = "SELECT COUNT(*) FROM tacos.llm_calls WHERE payment = 'free' AND cost_usd = 0"
    assert project.query(free) == [(len(SAMPLES),)]

    project.write_samples(NEW)
    project.run("run", "--ignore-cron")
    assert project.n_calls("tagging") == len(SAMPLES) + len(NEW)


@pytest.mark.exhaustive
def test_two_runs_from_scratch_are_identical(tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        project = ProjectCopy(tmp_path / name)
        project.write_samples(SAMPLES)
        project.run(*PLAN)
        results.append((project.query(SELECTED), project.query(REPLIES)))
    assert results[0] == results[1]
    assert len(results[0][1]) == len(SAMPLES)
