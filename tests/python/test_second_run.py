"""A failure of a second run looks like one: non-zero, no summary, the failed model and its message last."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from typing import Any

import pytest
from built_project import CLI, ONE_WORKER, SAMPLES, SUMMARY, TOPICS
from fake_endpoint import FakeEndpoint
from project_copy import ProjectCopy

pytestmark = ONE_WORKER
NOTHING_IS_NEW = "Nothing is new since the last run"

# What takes a minute each is left to make exhaustive where faster tests show its core, but for two trials.
SLOW, EXHAUSTIVE = pytest.mark.slow, pytest.mark.exhaustive


@pytest.fixture
def endpoint(built_endpoint: FakeEndpoint) -> FakeEndpoint:
    return built_endpoint


@pytest.fixture
def project(built_project: ProjectCopy) -> ProjectCopy:
    return built_project


def failed_run(project: ProjectCopy) -> str:
    """What a run that has to fail says last."""
    output = project.run("run", module=CLI, expect_failure=True)
    assert SUMMARY not in output
    assert "Traceback" not in output
    return output[output.rindex("tacos run: ") :]


@SLOW
def test_a_dead_endpoint(project: ProjectCopy) -> None:
    project.write_samples([("What is new?", "This is.")])
    project.environment |= {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "TACOS_MAX_RETRIES": "0"}
    last = failed_run(project)
    assert "tacos.tag_replies: " in last
    assert "1 of 25 samples could not be tagged" in last


@SLOW
def test_a_deleted_dataset(project: ProjectCopy) -> None:
    project.dataset.unlink()
    assert f"{str(project.dataset)!r}, which does not exist" in failed_run(project)


@EXHAUSTIVE
def test_a_dataset_that_has_become_useless(project: ProjectCopy) -> None:
    project.dataset.write_text('{"neither": "this", "nor": "that"}\n', encoding="utf-8")
    assert "none can be used" in failed_run(project)


@SLOW
def test_a_failed_audit(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    endpoint.behaviour.fault = lambda body, _: "refusal" if "What is new?" in body else None
    project.write_samples([("What is new?", "This is.")])
    last = failed_run(project)
    assert "tacos.tag_replies: " in last
    assert "max_failure_share" in last
    project.run("run", "--ignore-cron", expect_failure=True)


@SLOW
def test_a_poisoned_cache(project: ProjectCopy) -> None:
    project.cache.write_bytes(b"no database at all " * 1_000)
    assert f"The response cache {project.cache} cannot be used: file is not a database" in failed_run(project)


@SLOW
def test_a_cache_with_holes(project: ProjectCopy) -> None:
    """A file that opens, but breaks when it is read."""
    with sqlite3.connect(project.cache) as connection:
        connection.execute("ALTER TABLE replies RENAME TO other")
    connection.close()
    last = failed_run(project)
    assert "tacos.tag_replies: " in last
    assert f"The response cache {project.cache} cannot be used" in last


@EXHAUSTIVE
def test_another_dataset_is_told_first(project: ProjectCopy) -> None:
    other = project.root / "other.jsonl"
    shutil.copy(project.dataset, other)
    project.environment |= {"TACOS_DATASET": "other.jsonl", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    output = project.run("run", module=CLI)
    assert output.startswith(f"The dataset is other.jsonl. The last run's was {project.dataset}")
    project.environment["TACOS_DATASET"] = str(project.dataset)
    assert f"not {project.dataset}" in project.run("run", "--ignore-cron")


def altered(project: ProjectCopy) -> dict[str, int]:
    """When each table was made last (milliseconds), by the model's name."""
    return dict(project.query("SELECT name, MAX(last_altered_ts) FROM sqlmesh._intervals GROUP BY name"))


@SLOW
def test_a_run_without_anything_new_executes_nothing(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    """Neither command makes a table or asks anything, and a report that is gone is written again."""
    before = altered(project)
    endpoint.forget()
    output = project.run("run", module=CLI)
    assert output.startswith(NOTHING_IS_NEW)
    assert SUMMARY in output
    assert NOTHING_IS_NEW in project.run("run", "--ignore-cron")
    assert NOTHING_IS_NEW in project.run("run", module=CLI)
    assert altered(project) == before
    assert endpoint.record.n_requests == 0
    (project.root / "report.html").unlink()
    project.run("run", module=CLI)
    assert (project.root / "report.html").exists()
    assert altered(project) == before


@EXHAUSTIVE
def test_what_is_restated_is_made_and_is_no_whole_run(project: ProjectCopy) -> None:
    before = altered(project)
    project.run("plan", "--restate-model", "tacos.tag_replies", "--auto-apply", "--no-prompts")
    restated = altered(project)
    assert restated['"warehouse"."tacos"."tag_replies"'] > before['"warehouse"."tacos"."tag_replies"']
    assert restated['"warehouse"."tacos"."source_records"'] == before['"warehouse"."tacos"."source_records"']
    assert sum(restated[name] > ms for name, ms in before.items()) > 50
    # The next one is, and the one after it is left out again.
    assert NOTHING_IS_NEW not in project.run("run", "--ignore-cron")
    assert NOTHING_IS_NEW in project.run("run", "--ignore-cron")


@SLOW
def test_what_failed_is_asked_again_and_what_is_new_taken_in_by_one_run(
    project: ProjectCopy, endpoint: FakeEndpoint
) -> None:
    """A plan takes in what it changes or restates: new records must not wait for the run after it."""
    edit(project, "config.yaml", "max_failure_share: 0.02", "max_failure_share: 0.1")
    endpoint.behaviour.fault = lambda body, _: "refusal" if "refused at first" in body else None
    project.write_samples([("What is refused at first?", "This is.")])
    project.run("run", module=CLI)
    failed = "SELECT COUNT(*), COUNT(error) FROM tacos.tag_replies"
    assert project.query(failed) == [(len(SAMPLES) + 1, 1)]
    endpoint.behaviour.fault = None
    project.write_samples([("What is new?", "This is.")])
    project.run("run", module=CLI)
    assert project.query(failed) == [(len(SAMPLES) + 2, 0)]
    assert project.query("SELECT COUNT(*) FROM tacos.sample_audit") == [(len(SAMPLES) + 2,)]


@EXHAUSTIVE
def test_an_edit_that_keeps_size_and_time_is_taken_in(project: ProjectCopy) -> None:
    status = project.dataset.stat()
    edit(project, "dataset.jsonl", "Tell me 1 things", "Tell me 0 things")
    os.utime(project.dataset, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert project.dataset.stat().st_size == status.st_size
    assert NOTHING_IS_NEW not in project.run("run", "--ignore-cron")
    instructions = {text for (text,) in project.query("SELECT instruction FROM tacos.samples")}
    assert "Tell me 0 things about bread." in instructions
    assert "Tell me 1 things about bread." not in instructions


def estimates(project: ProjectCopy) -> dict[str, tuple[int, bool]]:
    """Calls to pay by stage, of all its models, and whether that is a bound."""
    rows = json.loads(project.run("estimate", "--json", module=CLI))
    return {
        stage: (
            sum(row["n_calls"] for row in rows if row["stage"] == stage),
            any(row["is_bound"] for row in rows if row["stage"] == stage),
        )
        for stage in ("tagging", "judging", "wordings", "second_judge", "singletons")
    }


def edit(project: ProjectCopy, name: str, old: str, new: str) -> None:
    file = project.root / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def trial(
    about: str, name: str, old: str, new: str, *, is_bound: bool = True, marks: pytest.MarkDecorator = EXHAUSTIVE
) -> Any:
    """An edit of a file, and whether the estimate after it is a bound."""
    return pytest.param(name, old, new, is_bound, id=about, marks=marks)


@pytest.mark.parametrize(
    ("name", "old", "new", "is_bound"),
    [
        trial("rules", "config.yaml", "rule_stemming: true", "rule_stemming: false"),
        trial("clusters", "config.yaml", "n_clusters: 0", "n_clusters: 3", marks=SLOW),
        trial("prompt", "prompts/tag_instruction.txt", "what people want", "what humans want"),
        trial("judge's prompt", "prompts/judge_pair.txt", "\n", "\nBe fair.\n"),
        trial("an alias", "seeds/tag_aliases.csv", "ml,machine", "poem,summary,tried\nml,machine"),
        trial("ten records", "dataset.jsonl", "", ""),
        trial("nothing", "config.yaml", "selection_size: 0", "selection_size: 0", is_bound=False),
    ],
)
def test_the_estimate_bounds_what_a_server_then_counts(
    project: ProjectCopy, endpoint: FakeEndpoint, name: str, old: str, new: str, is_bound: bool
) -> None:
    if old:
        edit(project, name, old, new)
    else:
        project.write_samples([(f"What is news number {n}?", f"It is {n}.") for n in range(10)])
    estimated = estimates(project)
    (n_tagging, is_tagging_bound), (n_judging, is_judging_bound) = estimated["tagging"], estimated["judging"]
    endpoint.forget()
    project.run("run", module=CLI)
    n_judged = sum("first_score" in body for body in endpoint.record.bodies)
    assert endpoint.record.n_requests - n_judged == n_tagging
    assert not is_tagging_bound
    assert n_judged <= n_judging
    assert is_judging_bound is is_bound
    if not is_bound:
        assert n_judging == n_judged == 0


@SLOW
def test_a_lost_cache_is_estimated_as_a_run_would_refill_it(project: ProjectCopy, endpoint: FakeEndpoint) -> None:
    project.environment["TACOS_CACHE"] = str(project.root / "mistyped.sqlite")
    project.write_samples([("What is new?", "This is.")])
    assert estimates(project)["tagging"] == (1, False)
    assert not (project.root / "mistyped.sqlite").exists(), "an estimate changes nothing"
    endpoint.forget()
    project.run("run", module=CLI)
    assert sum("first_score" not in body for body in endpoint.record.bodies) == 1


@EXHAUSTIVE
def test_samples_judged_alone_are_estimated_exactly_where_the_candidates_stay(
    project: ProjectCopy, endpoint: FakeEndpoint
) -> None:
    edit(project, "config.yaml", "has_singleton_scores: false", "has_singleton_scores: true")
    n_candidates = estimates(project)["singletons"]
    assert n_candidates == (len(SAMPLES), False)
    endpoint.forget()
    project.run("run", module=CLI)
    assert endpoint.record.n_requests == len(SAMPLES)
    assert estimates(project)["singletons"] == (0, False)


@SLOW
def test_pairs_in_other_words_are_estimated_paid_and_change_no_score(
    project: ProjectCopy, endpoint: FakeEndpoint
) -> None:
    scores = "SELECT pair_id, first_score, second_score FROM tacos.pair_scores ORDER BY 1"
    before = project.query(scores)
    edit(project, "config.yaml", "audit_wording_share: 0", "audit_wording_share: 1")
    assert estimates(project)["wordings"] == (len(before), False)
    endpoint.forget()
    project.run("run", module=CLI)
    assert endpoint.record.n_requests == len(before)
    assert project.query(scores) == before
    paid = "SELECT SUM(n_calls) FROM tacos.llm_spend WHERE stage = 'wordings'"
    assert project.query(paid) == [(len(before),)]
    audited = "SELECT SUM(n_pairs) FROM tacos_internal.judge_agreement WHERE comparison = 'wording'"
    assert project.query(audited) == [(len(before),)]
    assert estimates(project)["wordings"] == (0, False)


@SLOW
def test_pairs_of_the_first_round_are_judged_by_the_second_judge_too(
    project: ProjectCopy, endpoint: FakeEndpoint
) -> None:
    scores = "SELECT pair_id, judging_round, first_score, second_score FROM tacos.pair_scores ORDER BY 1"
    before = project.query(scores)
    n_first = sum(row[1] == 1 for row in before)
    assert estimates(project)["second_judge"] == (0, False)
    edit(project, "config.yaml", "audit_judge_share: 0", "audit_judge_share: 0.5")
    n_audited, is_bound = estimates(project)["second_judge"]
    assert 0 < n_audited < n_first
    assert not is_bound
    endpoint.forget()
    project.run("run", module=CLI)
    assert endpoint.record.n_requests == n_audited
    assert {json.loads(body)["model"] for body in endpoint.record.bodies} == {"gpt-6.1-terra"}
    assert project.query(scores) == before
    paid = "SELECT model_name, SUM(n_calls) FROM tacos.llm_spend WHERE stage = 'second_judge' GROUP BY 1"
    assert project.query(paid) == [("gpt-6.1-terra", n_audited)]
    agreement = (
        "SELECT model_name, other_model_name, n_pairs FROM tacos_internal.judge_agreement WHERE comparison = 'judge'"
    )
    assert project.query(agreement) == [("gpt-6-luna", "gpt-6.1-terra", n_audited)]
    assert estimates(project)["second_judge"] == (0, False)


@SLOW
def test_the_history_tells_of_production_only_and_survives_a_promotion(project: ProjectCopy) -> None:
    """A plan in dev records nothing; what production sees after that plan is not lost when the plan is promoted."""
    recorded = "SELECT configuration_changes, n_selected FROM tacos_internal.selection_changes ORDER BY change_no"
    first = project.query(recorded)
    edit(project, "config.yaml", "selection_size: 0", "selection_size: 4")
    project.run("plan", "dev", "--auto-apply", "--no-prompts")
    assert project.query(recorded) == first
    assert "left from prod to dev" in project.run("selection-diff", module=CLI)
    project.write_samples([(f"Tell me {n} things about {topic}.", "word " * n) for n in (50, 60) for topic in TOPICS])
    project.run("run", "--ignore-cron")
    grown = project.query(recorded)
    assert [row[1] for row in grown] == [6, 8]
    project.run("plan", "--auto-apply", "--no-prompts")
    assert project.query(recorded) == [*grown, ("selection_size: 0 -> 4", 4)]
    kept = "SELECT sample_id FROM tacos.selection_history WHERE left_at IS NULL ORDER BY 1"
    assert project.query(kept) == project.query("SELECT sample_id FROM tacos.selected ORDER BY 1")
