"""What the pages give to other programs: schedules, pipelines and settings are of the form that these take."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from sqlmesh.integrations.github.cicd.config import GithubCICDBotConfig
from test_docs import complaint

from python_models.settings import PROJECT_ROOT

OPERATE = (PROJECT_ROOT / "docs/operate.md").read_text("utf-8")
SERVER = "cd /srv/tacos && "


def snippets(kind: str, containing: str) -> list[str]:
    """Fenced blocks of the page in a language that contain a text."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", OPERATE, re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language == kind and containing in text]


def is_command(line: str) -> bool:
    """Whether it goes to the project's folder and gives a command of its environment that exists."""
    return line.startswith(SERVER) and complaint(line.removeprefix(SERVER).partition(" >>")[0]) is None


def test_the_cron_line_is_five_fields_and_a_command() -> None:
    (text,) = snippets("", "0 3 * * *")
    *fields, command = text.strip().split(maxsplit=5)
    assert fields == ["0", "3", "*", "*", "*"]
    assert is_command(command)
    assert not is_command(command.replace("tacos run", "tacos rnu"))


class Recorder(ModuleType):
    """Stands for the library of a scheduler, which is none of the project's: keeps what it is called with."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: self._call(name, given, named)

    def _call(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if given and callable(given[0]):
            return given[0]
        self.calls[named.get("task_id", name)] = named
        return _Task()


class _Task:
    def __rshift__(self, other: _Task) -> _Task:
        return other

    def __enter__(self) -> _Task:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_the_pipeline_of_airflow_runs_commands_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = snippets("python", "airflow")
    library = Recorder("airflow")
    modules = {f"airflow.{node.module.partition('.')[2]}" for node in ast.walk(ast.parse(text))
               if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("airflow")}  # fmt: skip
    for name in modules:
        monkeypatch.setitem(sys.modules, name, library)
    exec(text, {})
    commands = [named["bash_command"] for task, named in library.calls.items() if task != "DAG"]
    assert len(commands) == 2
    assert all(map(is_command, commands))


def test_the_asset_of_dagster_runs_commands_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = snippets("python", "dagster")
    run: list[str] = []
    monkeypatch.setitem(sys.modules, "dagster", Recorder("dagster"))
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    namespace["subprocess"] = SimpleNamespace(run=lambda line, **named: run.append(line) if named["check"] else None)
    namespace["kept_samples"]()
    assert len(run) == 2
    assert all(map(is_command, run))


def test_the_workflow_of_github_is_one() -> None:
    (text,) = snippets("yaml", "runs-on")
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"pull_request", "issue_comment"}, "YAML reads the word on as true"
    (job,) = workflow["jobs"].values()
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert complaint(lines[0]) is None
    locked = re.search(r"^sqlmesh==(\S+)", (PROJECT_ROOT / "requirements/base.txt").read_text("utf-8"), re.MULTILINE)
    assert locked
    assert shlex.split(lines[1])[-1] == f"sqlmesh[github]=={locked[1]}"
    assert {"TACOS_DATABASE", "TACOS_CACHE"} == set(job["env"])


def test_the_settings_of_the_bot_build_and_deploy() -> None:
    (text,) = snippets("yaml", "cicd_bot")
    bot = GithubCICDBotConfig.model_validate(yaml.safe_load(text)["cicd_bot"])
    assert (bot.enable_deploy_command, bot.merge_method, bot.skip_pr_backfill) == (True, "squash", False)
    plan = (PROJECT_ROOT / "config.yaml").read_text("utf-8").partition("auto_categorize_changes:")[2]
    modes = {name: mode.value for name, mode in bot.auto_categorize_changes}
    assert modes == dict.fromkeys(("external", "python", "sql", "seed"), "full")
    assert plan.split("\n\n")[0].count(": full") == 4, "the bot decides as a plan does"
