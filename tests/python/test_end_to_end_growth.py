"""One percent more data costs about one percent more: the whole project, its requests counted at the server."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint, hash_of
from project_copy import ProjectCopy

N_SAMPLES, N_NEW = 800, 8
SUBJECTS = ("bread", "planets", "verbs", "taxes", "rivers", "poems", "volcanoes", "football", "python", "geometry")
TASKS = ("explanation", "summary", "translation", "classification", "letter", "debugging")
NEW_SUBJECT = "beekeeping"


def make_samples(seed: int, n_samples: int, subjects: tuple[str, ...]) -> list[tuple[str, str]]:
    """Samples whose instruction names their tags and whose response tells how good it is."""
    choose = random.Random(seed)
    samples = []
    for number in range(n_samples):
        # Some subjects and tasks are much more frequent than others, as tags are.
        subject = subjects[min(int(choose.expovariate(0.3)), len(subjects) - 1)]
        task = TASKS[min(int(choose.expovariate(0.5)), len(TASKS) - 1)]
        quality = round(min(max(choose.gauss(60, 15), 1), 100))
        samples.append((f"A {task} of {subject}, please: number {seed}-{number}.", f"It is worth {quality} points."))
    return samples


def tag_by_words(prompt: str) -> list[str]:
    return re.findall(r"A (\w+) of (\w+), please", prompt)[0]


def judge_with_noise(prompt: str) -> tuple[int, int]:
    first, second = (int(points) for points in re.findall(r"worth (\d+) points", prompt))
    noise = hash_of("noise", prompt)
    return min(max(first + noise % 21 - 10, 1), 100), min(max(second + noise // 21 % 21 - 10, 1), 100)


@pytest.mark.slow
def test_one_percent_more_samples_cost_one_percent_more(tmp_path: Path) -> None:
    with FakeEndpoint(Behaviour(tag=tag_by_words, judge=judge_with_noise)) as endpoint:
        project = ProjectCopy(
            tmp_path,
            {"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "sk-of-no-worth"},
        )
        project.write_samples(make_samples(0, N_SAMPLES, SUBJECTS))
        project.run("run", module="python_models.cli")
        n_judged_first = project.n_calls("judging")
        clusters = dict(project.query("SELECT normalized_tag, cluster_id FROM tacos.tag_clusters"))
        assert endpoint.record.n_requests == N_SAMPLES + n_judged_first
        assert N_SAMPLES < n_judged_first < 2 * N_SAMPLES

        endpoint.forget()
        project.write_samples(make_samples(1, N_NEW, (*SUBJECTS[:4], NEW_SUBJECT)))
        project.run("run", "--ignore-cron")
        n_judged = sum("first_score" in body for body in endpoint.record.bodies)
        assert endpoint.record.n_requests - n_judged == N_NEW
        assert 0 < n_judged <= 6 * N_NEW
        now = dict(project.query("SELECT normalized_tag, cluster_id FROM tacos.tag_clusters"))
        assert {tag: now.get(tag) for tag in clusters} == clusters, "a cluster changed its id"
        assert NEW_SUBJECT in now

        # An alias that touches a few samples, tried in an environment: production's clusters are where its fit starts.
        primary = "SELECT sample_id, cluster_id FROM tacos{}.clusters WHERE is_primary"
        before = dict(project.query(primary.format("")))
        tag, target = "python", "bread"
        touched = f"SELECT DISTINCT sample_id FROM tacos{{}}.normalized_tags WHERE normalized_tag = '{tag}'"
        touched_ids = {sample for (sample,) in project.query(touched.format(""))}
        with (project.root / "seeds" / "tag_aliases.csv").open("a", encoding="utf-8") as aliases:
            aliases.write(f"{tag},{target},tried\n")
        endpoint.forget()
        project.run("plan", "dev", "--auto-apply", "--no-prompts")
        assert touched_ids
        assert project.query(touched.format("__dev")) == []
        after = dict(project.query(primary.format("__dev")))
        moved = {sample for sample, cluster in before.items() if after[sample] != cluster}
        print(len(touched_ids), len(moved), len(moved - touched_ids), endpoint.record.n_requests)
        assert len(moved - touched_ids) <= 0.02 * len(before)
        assert not any("tags" in body and "first_score" not in body for body in endpoint.record.bodies)
        assert endpoint.record.n_requests <= 6 * len(touched_ids)
        endpoint.forget()
        assert "No model batches to execute" in project.run("plan", "--auto-apply", "--no-prompts")
        assert dict(project.query(primary.format(""))) == after
        assert endpoint.record.n_requests == 0
