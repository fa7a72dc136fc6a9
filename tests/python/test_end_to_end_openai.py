"""The whole project over an OpenAI-compatible endpoint on loopback, through the commands that a user types."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from fake_endpoint import TAGS, FakeEndpoint
from fake_models import EFFORTS, openai_model
from project_copy import PARTS, PLAN, ProjectCopy

from python_models.embedded.embedding import embed_tags
from python_models.embedded.weights import EMBEDDER_NAME
from python_models.llm.spending.prices import read_prices
from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

KEY = "sk-a-test-of-no-worth-0123456789"

TOPICS = ("bread", "planets", "verbs", "taxes", "rivers", "poems")
SAMPLES = [(f"Tell me {n} things about {topic}.", f"{topic}: " + "word " * n) for n in range(1, 9) for topic in TOPICS]
LATER = [f"What about {topic}?" for topic in TOPICS[:5]]
N_KILLS = 4
SELECTED = "SELECT * FROM tacos.selected ORDER BY selection_rank"


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the vectors of tags and instructions, so that not every run has to load the embedder."""
    path = tmp_path_factory.mktemp("vectors") / "cache.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TACOS_CACHE", str(path))
        embed_tags([*TAGS, *(instruction for instruction, _ in SAMPLES), *LATER], EMBEDDER_NAME)
    return path


def make_project(folder: Path, endpoint: FakeEndpoint, vectors: Path) -> ProjectCopy:
    folder.mkdir(exist_ok=True)
    keys = {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": KEY}
    copy = ProjectCopy(folder, keys, has_coherence=True)
    shutil.copy(vectors, copy.cache)
    copy.write_samples(SAMPLES)
    return copy


@pytest.fixture
def project(tmp_path: Path, endpoint: FakeEndpoint, vectors: Path) -> ProjectCopy:
    return make_project(tmp_path / "project", endpoint, vectors)


def test_life_of_a_project(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    """Run, add data, run, run again, edit a prompt, try it in dev: each pays for what is new and for nothing else.

    The models are those of today: one that tags and judges first without reasoning, one that judges last with.
    """
    models = {"gpt-6-luna": openai_model(), "gpt-6.1-terra": openai_model()}
    endpoint.behaviour.answer = lambda body: models[body["model"]](body)
    project.environment["TACOS_FINAL_JUDGE_EFFORT"] = "medium"
    output = project.run("run", module="python_models.cli")
    for stage in ("source", "tagging", "normalization", "clustering", "judging", "selection"):
        assert stage in output
    assert "offline heuristic" not in output
    assert len(output.splitlines()) < 80, "a line per stage, not per table"
    page = (project.root / "report.html").read_text(encoding="utf-8")
    missing = re.findall("There is no table (\\w+)", page)
    assert not [name for name in missing if list(PROJECT_ROOT.glob(f"models/*/{name}.*"))]
    assert page.count('role="img"') >= 6, "so few samples may have no pair in both orders"
    assert project.query("SELECT COUNT(*), COUNT(error) FROM tacos.tag_replies") == [(len(SAMPLES), 0)]
    assert project.query("SELECT COUNT(*) FROM tacos.selected") == [(len(SAMPLES) // 4,)]
    assert project.n_calls("tagging") == len(SAMPLES)
    n_answered = sum(endpoint.record.answered.values())  # beside those that say what a model does not take
    assert n_answered == project.n_calls("tagging") + project.n_calls("judging")
    nothing_failed_and_all_is_counted(project, endpoint)
    rounds = project.query(
        "SELECT model_name, n_calls, cost_usd, gain_share FROM tacos_internal.judging_progress ORDER BY judging_round"
    )
    assert [row[0] for row in rounds] == [None, "gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-terra"]
    assert sum(row[1] for row in rounds) == project.n_calls("judging")
    ((spent,),) = project.query("SELECT SUM(cost_usd) FROM tacos.llm_spend WHERE stage = 'judging'")
    assert sum(row[2] for row in rounds) == pytest.approx(spent)
    assert rounds[0][3] == 0 < rounds[1][3] <= rounds[3][3] == 1
    assert 'id="plot-progress"' in page
    sample_id = project.query(SELECTED)[0][0]
    assert "kept: number 1 of" in project.run("explain", sample_id[:8], module="python_models.cli")

    # The endpoint's tags have nothing to do with the instructions, and the table says so.
    measured = "SELECT n_measured, ABS(z_score) < 3 FROM tacos.cluster_coherence WHERE scope = 'all'"
    assert project.query(measured) == [(len(SAMPLES), True)]

    project.write_samples([(instruction, f"Much: {instruction}") for instruction in LATER])
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


def nothing_failed_and_all_is_counted(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    """What the two models were asked, with which parameters, and what of it the tables tell."""
    n_judged = dict(
        project.query("SELECT model_name, COUNT(*) FROM tacos.pair_replies WHERE error IS NULL GROUP BY ALL")
    )
    assert sum(n_judged.values()) == project.query("SELECT COUNT(*) FROM tacos.pair_replies")[0][0]
    assert max(endpoint.record.answered.values()) == 1
    spend = dict(project.query("SELECT model_name, SUM(n_completion_tokens) FROM tacos.llm_spend GROUP BY ALL"))
    assert sum(spend.values()) == endpoint.record.n_completion_tokens
    assert spend["gpt-6.1-terra"] >= n_judged["gpt-6.1-terra"] * EFFORTS["medium"] > 0
    sent = [json.loads(body) for body in endpoint.record.answered]
    first = [body for body in sent if body["model"] == "gpt-6-luna"]
    final = [body for body in sent if body["model"] == "gpt-6.1-terra"]
    assert {(body["reasoning_effort"], body["temperature"]) for body in first} == {("none", 0)}
    assert {body["reasoning_effort"] for body in final} == {"medium"}
    assert not any({"temperature", "max_tokens"} & body.keys() for body in final)


@pytest.mark.slow
def test_kills_cost_the_calls_in_flight_and_change_nothing(
    project: ProjectCopy, endpoint: FakeEndpoint, vectors: Path, tmp_path: Path
) -> None:
    """SIGKILL at random moments of tagging and judging, then completion: the result of an undisturbed run."""
    samples = [(f"What of {topic} in the year {year}?", f"{topic} {year}") for topic in TOPICS for year in range(32)]
    project.write_samples(samples)
    project.environment["TACOS_MAX_CONCURRENCY"] = "8"
    endpoint.behaviour.latency_s = 0.05
    moments = random.Random(7)
    n_in_flight = 0
    for kill in range(N_KILLS):
        process = project.start(*PLAN)
        target = endpoint.record.n_requests + moments.randint(20, 150)
        deadline = time.monotonic() + 120
        while endpoint.record.n_requests < target:
            assert time.monotonic() < deadline, f"nothing was asked before kill {kill}"
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        n_lost = endpoint.record.n_requests - project.n_calls("tagging") - project.n_calls("judging") - n_in_flight
        assert 0 <= n_lost <= 8, f"more than what was in flight was lost by kill {kill}"
        n_in_flight += n_lost
    assert project.n_calls("judging") > 0, "no kill came as late as the judging"

    endpoint.behaviour.latency_s = 0.0
    project.run(*PLAN)
    assert endpoint.record.n_requests == project.n_calls("tagging") + project.n_calls("judging") + n_in_flight
    undisturbed = make_project(tmp_path / "undisturbed", endpoint, vectors)
    undisturbed.write_samples(samples)
    undisturbed.run(*PLAN)
    assert len(project.query(SELECTED)) == (len(SAMPLES) + len(samples)) // 4
    assert project.query(SELECTED) == undisturbed.query(SELECTED)


@pytest.mark.exhaustive
def test_money_and_failures(project: ProjectCopy, endpoint: FakeEndpoint, vectors: Path, tmp_path: Path) -> None:
    """Estimate, half the money, failing calls, then all of it: nothing is paid twice, nothing is made up."""
    project.environment["TACOS_FINAL_JUDGE_MODEL"] = "gpt-6-luna"  # one judge, so that its tokens stand in one row
    tagging, judging = json.loads(project.run("estimate", "--json", module="python_models.cli").splitlines()[-1])
    assert (tagging["n_calls"], endpoint.record.n_requests) == (len(SAMPLES), 0)

    limit = tagging["cost_usd"] / 2
    project.environment["TACOS_MAX_COST_USD"] = f"{limit:.6f}"
    assert "TACOS_MAX_COST_USD" in project.run(*PLAN, expect_failure=True)
    assert 0 < endpoint.record.n_requests < len(SAMPLES)
    prices = read_prices()["gpt-6-luna"]
    assert prices.cost(endpoint.record.n_prompt_tokens, 0, endpoint.record.n_completion_tokens) <= limit

    del project.environment["TACOS_MAX_COST_USD"]
    project.environment["TACOS_MAX_RETRIES"] = "0"
    endpoint.behaviour.fault = lambda body, _: "http_500" if "rivers" in body else None
    output = " ".join(project.run(*PLAN, expect_failure=True).split())
    failed = re.search(rf"(\d+) of {len(SAMPLES)} samples could not be tagged", output)
    assert failed, output
    assert project.n_calls("tagging") == len(SAMPLES) - int(failed[1])
    assert int(failed[1]) > 0

    endpoint.behaviour.fault = lambda body, _: "refusal" if "1 things about rivers" in body else None
    (project.root / "config.yaml").write_text(
        (project.root / "config.yaml")
        .read_text(encoding="utf-8")
        .replace("max_failure_share: 0.02", "max_failure_share: 0.1")
    )
    project.run(*PLAN)
    assert project.query("SELECT error_kind FROM tacos_internal.tag_failures") == [("refused",)]
    endpoint.behaviour.fault = None
    output = project.run("run", module="python_models.cli")
    assert project.query("SELECT COUNT(*) FROM tacos_internal.tag_failures") == [(0,)], output
    assert max(endpoint.record.answered.values()) == 1, "a reply was paid for twice"
    tokens = "SUM(n_prompt_tokens + n_completion_tokens)"
    ((spent,),) = project.query(f"SELECT {tokens} FROM tacos.llm_calls WHERE stage = 'tagging'")
    assert tagging["n_prompt_tokens"] + tagging["n_completion_tokens"] == pytest.approx(spent, rel=0.15)
    ((n_judged, spent),) = project.query(f"SELECT COUNT(*), {tokens} FROM tacos.llm_calls WHERE stage = 'judging'")
    assert 0 < n_judged <= judging["n_calls"]
    estimate = (judging["n_prompt_tokens"] + judging["n_completion_tokens"]) / judging["n_calls"]
    assert estimate == pytest.approx(spent / n_judged, rel=0.15)
    again = json.loads(project.run("estimate", "--json", module="python_models.cli").splitlines()[-1])
    assert [stage["n_calls"] for stage in again] == [0, 0]

    n_paid = endpoint.record.n_requests
    project.run("cache", "export", str(tmp_path / "replies.jsonl.gz"), module="python_models.cli")
    elsewhere = make_project(tmp_path / "elsewhere", endpoint, vectors)
    elsewhere.environment["TACOS_FINAL_JUDGE_MODEL"] = project.environment["TACOS_FINAL_JUDGE_MODEL"]
    elsewhere.run("cache", "import", str(tmp_path / "replies.jsonl.gz"), module="python_models.cli")
    elsewhere.run(*PLAN)
    assert endpoint.record.n_requests == n_paid
    assert elsewhere.query(SELECTED) == project.query(SELECTED)
    assert not where_the_key_is(project)


def test_a_wrong_key_stops_with_a_clear_message(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    endpoint.behaviour.api_key = "sk-the-right-one"
    output = project.run(*PLAN, expect_failure=True)
    assert "OPENAI_API_KEY" in output
    assert KEY not in output
    assert not where_the_key_is(project)
    assert endpoint.record.n_requests <= 64


def where_the_key_is(project: ProjectCopy) -> list[str]:
    """Tables (data and SQLMesh's state) and files of a project that hold the API key."""
    tables = project.query("SELECT table_schema, table_name FROM information_schema.tables")
    assert len(tables) > 10
    found = [
        f"{schema}.{table}"
        for schema, table in tables
        if project.query(f'SELECT 1 FROM "{schema}"."{table}" AS t WHERE CONTAINS(t::TEXT, \'{KEY}\') LIMIT 1')
    ]
    files = [path for path in project.root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return found + [str(path) for path in files if KEY.encode() in path.read_bytes()]


def test_the_search_for_the_key_can_find_it(project: ProjectCopy) -> None:
    with duckdb.connect(str(project.root / "warehouse.duckdb")) as connection:
        for number in range(11):
            connection.execute(f"CREATE TABLE t{number} AS SELECT {{'a': ['x {KEY} y']}} AS leak")
    (project.root / "logs.txt").write_text(f"Bearer {KEY}", encoding="utf-8")
    assert len([place for place in where_the_key_is(project) if "main.t" in place or "logs.txt" in place]) == 12


def test_the_copy_is_complete() -> None:
    """A copy that missed a part of the project would test something else."""
    folders = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir() and any(path.rglob("*.sql"))}
    assert folders - {"tests", "bench", ".venv"} <= set(PARTS)
