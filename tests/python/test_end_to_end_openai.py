"""The whole project over an OpenAI-compatible endpoint on loopback, through the commands that a user types."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from project_copy import PLAN, ProjectCopy

from python_models.settings import PROJECT_ROOT

TOPICS = ("bread", "planets", "verbs", "taxes", "rivers", "poems")
SAMPLES = [(f"Tell me {n} things about {topic}.", f"{topic}: " + "word " * n) for n in range(1, 9) for topic in TOPICS]
SELECTED = "SELECT * FROM tacos.selected ORDER BY selection_rank"


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, endpoint: FakeEndpoint) -> ProjectCopy:
    copy = ProjectCopy(
        tmp_path,
        {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "sk-a-test-of-no-worth"},
    )
    copy.write_samples(SAMPLES)
    return copy


def test_life_of_a_project(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    """Plan, add data, run, run again, edit a prompt, try it in dev: each pays for what is new and for nothing else."""
    project.run(*PLAN)
    assert project.query("SELECT COUNT(*), COUNT(error) FROM tacos.tag_replies") == [(len(SAMPLES), 0)]
    assert project.query("SELECT COUNT(*) FROM tacos.selected") == [(len(SAMPLES) // 4,)]
    assert project.n_calls("tagging") == len(SAMPLES)
    assert endpoint.record.n_requests == project.n_calls("tagging") + project.n_calls("judging")

    project.write_samples([(f"What about {topic}?", f"Much about {topic}.") for topic in TOPICS[:5]])
    project.run("run", "--ignore-cron")
    assert project.n_calls("tagging") == len(SAMPLES) + 5
    assert project.query("SELECT COUNT(*) FROM tacos.tag_replies") == [(len(SAMPLES) + 5,)]

    n_paid = endpoint.record.n_requests
    selected = project.query(SELECTED)
    project.run("run", "--ignore-cron")
    assert endpoint.record.n_requests == n_paid
    assert project.query(SELECTED) == selected

    prompt = project.root / "prompts" / "tag_instruction.txt"
    text = prompt.read_text(encoding="utf-8")
    prompt.write_text(text + "\nBe brief.\n", encoding="utf-8")
    diff = project.run("plan", "dev", "--no-prompts", "--explain")
    assert re.search(r"Directly Modified.*tacos(__dev)?\.tag_replies", diff, re.DOTALL), diff
    assert "Be brief." in diff

    prompt.write_text(text, encoding="utf-8")
    project.run("plan", "dev", "--auto-apply", "--no-prompts", "--include-unmodified")
    assert project.query("SELECT COUNT(*) FROM tacos__dev.selected") == [(len(selected),)]
    assert endpoint.record.n_requests == n_paid


def test_a_killed_run_goes_on_where_it_was(project: ProjectCopy, endpoint: FakeEndpoint, tmp_path: Path) -> None:
    """SIGKILL during tagging: no committed reply is requested again, and the result is that of an undisturbed run."""
    endpoint.behaviour.latency_s = 0.2
    project.environment["TACOS_MAX_CONCURRENCY"] = "2"
    process = project.start(*PLAN)
    deadline = time.monotonic() + 120
    while endpoint.record.n_requests < 12:
        assert time.monotonic() < deadline, "tagging never began"
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    n_committed = project.n_calls("tagging")
    n_sent = endpoint.record.n_requests
    assert 0 < n_committed < len(SAMPLES)

    endpoint.behaviour.latency_s = 0.0
    project.run(*PLAN)
    n_repeated = n_sent - n_committed
    assert n_repeated <= 2, "more was lost than was in flight"
    assert endpoint.record.n_requests == project.n_calls("tagging") + project.n_calls("judging") + n_repeated

    (tmp_path / "undisturbed").mkdir()
    undisturbed = ProjectCopy(tmp_path / "undisturbed", project.environment)
    undisturbed.write_samples(SAMPLES)
    undisturbed.run(*PLAN)
    assert project.query(SELECTED) == undisturbed.query(SELECTED)


def test_a_wrong_key_stops_with_a_clear_message(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    endpoint.behaviour.api_key = "sk-the-right-one"
    output = project.run(*PLAN, expect_failure=True)
    assert "OPENAI_API_KEY" in output
    assert "sk-a-test-of-no-worth" not in output
    assert endpoint.record.n_requests <= 64


def test_tacos_run_tells_what_was_kept_and_why(project: ProjectCopy) -> None:
    output = project.run("run", module="python_models.cli")
    for stage in ("source", "tagging", "normalization", "clustering", "judging", "selection"):
        assert stage in output
    assert "offline heuristic" not in output
    sample_id = project.query(SELECTED)[0][0]
    story = project.run("explain", sample_id[:8], module="python_models.cli")
    assert "kept: number 1 of" in story
    assert "No sample begins with 'zz'" in project.run(
        "explain", "zz", module="python_models.cli", expect_failure=True
    )


def test_the_copy_is_complete() -> None:
    """A copy that missed a part of the project would test something else."""
    folders = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir() and any(path.rglob("*.sql"))}
    from project_copy import PARTS

    assert folders - {"tests", "bench", ".venv"} <= set(PARTS)
