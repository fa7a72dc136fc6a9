"""Settings mean what they say: where they come from, what is refused, and where relative paths start."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from sqlmesh.utils.yaml import load

from python_models import settings
from python_models.cli import checks, main
from python_models.env_file import load_env_file
from python_models.settings import (
    PROJECT_ROOT,
    LlmSettings,
    SettingError,
    cache_path,
    database_path,
    local_model_override,
    refuse_unknown_names,
)
from python_models.source.files import find_files
from python_models.terminal import UserError
from python_models.variables import configured_variables

HOSTILE = ['a"b', "a\\b", "it's", "x # y", "a: b", "{{ 1 }}", "x\nbefore_all: ['DROP TABLE t']", '"]\nx: [', "é", "- a"]
HOSTILE += ["😀 漢.jsonl", "\x07\x7f\u2028", "<&'%>"]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("TACOS_", "OPENAI_"))]:
        monkeypatch.delenv(name)


def config_text() -> str:
    return (PROJECT_ROOT / "config.yaml").read_text(encoding="utf-8")


def test_every_environment_value_enters_the_config_as_a_quoted_text() -> None:
    values = re.findall(r"\{\{.*?\}\}", config_text().partition("endmacro")[2])
    assert len(values) >= 10
    assert [value for value in values if not re.fullmatch(r"\{\{ text\(.*\) \}\}", value)] == []


@pytest.mark.parametrize("value", HOSTILE)
def test_no_environment_value_can_change_the_config_around_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    harmless = load(config_text())
    for name in set(re.findall(r"env_var\('(\w+)'", config_text())):
        monkeypatch.setenv(name, value)
    config = load(config_text())
    assert config["variables"]["dataset"] == config["default_gateway"] == value
    assert config["gateways"]["openai"]["connection"]["database"] == value
    assert config.keys() == harmless.keys()
    assert config["before_all"] == harmless["before_all"]


def test_a_name_that_is_no_utf8_is_a_name_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_DATASET", os.fsdecode(b"caf\xe9.jsonl"))
    assert load(config_text())["variables"]["dataset"] == "caf\ufffd.jsonl"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = load(config_text())
    for name in set(re.findall(r"env_var\('(\w+)'", config_text())):
        monkeypatch.setenv(name, "")
    assert load(config_text()) == harmless


def test_an_unknown_gateway_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACOS_GATEWAY", "opnai")
    with pytest.raises(SettingError, match="TACOS_GATEWAY must be local, openai or spark, but it is 'opnai'"):
        configured_variables()


def test_a_wrong_number_of_processes_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the model that reads, after half a minute."""
    monkeypatch.setenv("TACOS_READING_PROCESSES", "0")
    with pytest.raises(SettingError, match="TACOS_READING_PROCESSES must be a whole number of at least 1"):
        checks.check_settings(configured_variables())


@pytest.mark.parametrize("name", ["TACOS_USE_BATCH", "TACOS_ASK_FAILED_AGAIN"])
@pytest.mark.parametrize(
    ("text", "meaning"),
    [(text, True) for text in ("1", "on", "Yes", "TRUE")] + [(text, False) for text in ("0", "off", "No")],
)
def test_booleans_mean_what_they_say(monkeypatch: pytest.MonkeyPatch, name: str, text: str, meaning: bool) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(LlmSettings.from_environment(), name.removeprefix("TACOS_").lower()) is meaning


@pytest.mark.parametrize("text", ["maybe", "2", "y", "-"])
def test_other_booleans_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TACOS_USE_BATCH", text)
    with pytest.raises(SettingError, match=rf"TACOS_USE_BATCH must be 1 .* but it is '{text}'"):
        LlmSettings.from_environment()


def test_a_mistyped_setting_is_refused_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_unknown_names()
    monkeypatch.setenv("TACOS_MAX_COST", "5")
    with pytest.raises(SettingError, match=r"TACOS_MAX_COST is set.* Did you mean TACOS_MAX_COST_USD\?"):
        refuse_unknown_names()


def test_relative_paths_of_all_settings_start_at_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TACOS_DATABASE", "TACOS_CACHE", "TACOS_LOCAL_MODEL"):
        monkeypatch.setenv(name, "some/file")
    assert {database_path(), cache_path(), local_model_override()} == {PROJECT_ROOT / "some/file"}
    assert find_files("seeds/sample_dataset.jsonl")[0].path == PROJECT_ROOT / "seeds/sample_dataset.jsonl"


def test_a_dataset_may_have_a_name_beyond_16_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "🌮.jsonl"
    file.write_text("{}", encoding="utf-8")
    monkeypatch.setenv("TACOS_DATASET", str(file))
    assert [found.path for found in find_files(configured_variables()["dataset"])] == [file]


@pytest.fixture
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED")
    monkeypatch.setattr(settings, "PROJECT_ROOT", tmp_path)
    for name in ("TACOS_DATASET", "TACOS_CACHE", "TACOS_DATABASE", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")  # so that the values of the file are forgotten after the test
    return tmp_path / ".env"


def test_the_env_file_wins_and_says_over_what(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    env_file.write_text("TACOS_DATASET=file.jsonl\nTACOS_CACHE=${TACOS_CACHE:-file.sqlite}\nOPENAI_API_KEY='k #1'\n")
    monkeypatch.setenv("TACOS_DATASET", "shell.jsonl")
    monkeypatch.setenv("TACOS_CACHE", "shell.sqlite")
    assert load_env_file() == ["OPENAI_API_KEY", "TACOS_DATASET"]
    assert [os.environ[name] for name in ("TACOS_DATASET", "TACOS_CACHE", "OPENAI_API_KEY")] == [
        "file.jsonl",
        "shell.sqlite",
        "k #1",
    ]
    assert load_env_file() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'TACOS_MAX_COST_USD="5\nTACOS_CACHE=c.sqlite\n', "line 1: wanted NAME=value"),
        (b"TACOS_CACHE=c.sqlite\nTACOS MAX COST USD = 5\n", "line 2: wanted NAME=value"),
        (b"\xff\xfeT\x00A\x00", "cannot be read .* UTF-8"),
    ],
)
def test_a_line_of_the_env_file_that_cannot_be_read_is_refused(env_file: Path, content: bytes, message: str) -> None:
    """It would be skipped, and a spending limit with it."""
    env_file.write_bytes(content)
    shutil.copy(PROJECT_ROOT / "config.yaml", env_file.parent)
    with pytest.raises(SettingError, match=message):
        load_env_file()
    with pytest.raises(SettingError, match=message):
        checks.check_settings(configured_variables())


def test_a_command_says_in_one_line_that_the_env_file_cannot_be_read(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env_file.write_text("TACOS_MAX_COST_USD='5\n", encoding="utf-8")
    assert main(["cache", "stats"]) == 1
    assert capsys.readouterr().err.startswith(f"tacos cache: {env_file}, line 1: wanted")


def test_explain_reads_the_env_file(env_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env_file.write_text("TACOS_DATABASE=mine.duckdb\n", encoding="utf-8")
    assert main(["explain", "a"]) == 1
    assert f"There is no warehouse at {tmp_path / 'mine.duckdb'} yet" in capsys.readouterr().err


def test_the_example_of_the_env_file_sets_nothing_and_git_ignores_the_real_one() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    assert ".env" in (PROJECT_ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def check(monkeypatch: pytest.MonkeyPatch, folder: Path, **values: str) -> list[str]:
    """The lines of the check at the start, with everything right but the given values."""
    monkeypatch.chdir(PROJECT_ROOT)
    for name, value in {
        "TACOS_DATABASE": str(folder / "w.duckdb"),
        "TACOS_CACHE": str(folder / "made" / "cache.sqlite"),
        "OPENAI_API_KEY": "sk-x",
        **values,
    }.items():
        monkeypatch.setenv(name, value)
    try:
        checks.check_settings(configured_variables())
    except UserError as error:
        return error.message.splitlines()
    return []


def test_what_is_right_passes_the_check_and_folders_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert check(monkeypatch, tmp_path, TACOS_GATEWAY="openai") == []
    assert (tmp_path / "made" / "staging").is_dir()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"TACOS_DATASET": "nowhere.jsonl"}, "TACOS_DATASET must name"),
        ({"TACOS_DATASET": "table:main.none"}, "has no such table or view; it has none of yours"),
        (
            {"TACOS_DATASET": "table:main.none", "TACOS_DATABASE": "{warehouse}"},
            "it has main.mine.",
        ),
        ({"TACOS_DATASET": "table:main.none", "TACOS_DATABASE": "{file}"}, "cannot be opened"),
        ({"TACOS_DATABASE": "{file}/w.duckdb"}, "TACOS_DATABASE: the folder"),
        ({"TACOS_DATABASE": "{folder}"}, "is a folder"),
        ({"TACOS_DATABASE": "{folder}/tacos.duckdb"}, "must not be named like a schema"),
        ({"TACOS_CACHE": "{file}/c.sqlite"}, "TACOS_CACHE: the folder"),
        ({"TACOS_CACHE": "{file}"}, "not a database"),
        ({"TACOS_LOCAL_MODEL": "nowhere.gguf"}, "TACOS_LOCAL_MODEL must be the path of a GGUF file"),
        ({"TACOS_GATEWAY": "openai", "OPENAI_BASE_URL": "host:8000"}, "OPENAI_BASE_URL must look like"),
        ({"TACOS_GATEWAY": "openai", "OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ({"TACOS_MAX_RETRIES": "many"}, "TACOS_MAX_RETRIES must be"),
    ],
)
def test_each_wrong_setting_is_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, str], message: str
) -> None:
    file = tmp_path / "file"
    file.write_text("no database, and long enough to be looked at", encoding="utf-8")
    warehouse = tmp_path / "made.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE TABLE mine (x INT); CREATE SCHEMA tacos; CREATE VIEW tacos.samples AS SELECT 1")
    given = {name: value.format(file=file, folder=tmp_path, warehouse=warehouse) for name, value in values.items()}
    lines = check(monkeypatch, tmp_path, **given)
    assert any(message in line for line in lines), lines
    assert len(lines) <= 2
    assert len(check(monkeypatch, tmp_path, **given, TACOS_USE_BATCH="maybe")) == len(lines) + 1


def test_a_relative_database_from_another_folder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SQLMesh alone resolves it in the current folder, and would start an empty warehouse there."""
    variables = configured_variables()
    monkeypatch.setenv("TACOS_CACHE", str(tmp_path / "cache.sqlite"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="Run it in the project's folder"):
        checks.check_settings(variables)
