"""Which files a dataset consists of."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_models.source.files import DatasetError, find_files

FOLDER = Path(__file__).parents[1] / "fixtures" / "source" / "mixed_folder"


def names(dataset: str) -> list[str]:
    return [file.source_file for file in find_files(dataset) if file.problem is None]


def test_a_folder_is_searched_recursively_without_hidden_and_unknown_files() -> None:
    assert names(str(FOLDER)) == ["alpaca.json", "faq.tsv", "nested/chat.jsonl", "nothing.jsonl"]


def test_a_file_has_its_own_name_size_and_time_in_whole_seconds(tmp_path: Path) -> None:
    path = tmp_path / "any.thing"
    path.write_bytes(b"12345")
    os.utime(path, (1_700_000_000.75, 1_700_000_000.75))
    (file,) = find_files(str(path))
    assert (file.source_file, file.n_bytes) == ("any.thing", 5)
    assert file.modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["alpaca.json", "faq.tsv", "nothing.jsonl"]),
        ("*.md", ["README.md"]),
        ("**/*.jsonl", ["nested/chat.jsonl", "nothing.jsonl"]),
        ("nested/c*", ["chat.jsonl"]),
        ("[af]*.[jt]s*", ["alpaca.json", "faq.tsv"]),
    ],
)
def test_a_glob_names_files_relative_to_the_folder_before_the_first_wildcard(pattern: str, expected: list[str]) -> None:
    assert names(f"{FOLDER}/{pattern}") == expected


def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "part[1].json").write_text("[]")
    assert names(str(tmp_path / "part[1].json")) == ["part[1].json"]


def test_relative_paths_are_tried_in_the_current_folder_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names("tests/fixtures/source/mixed_folder/*.tsv") == ["faq.tsv"]  # from the project root
    mine = tmp_path / "tests/fixtures/source/mixed_folder/mine.tsv"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert names("tests/fixtures/source/mixed_folder/*.tsv") == ["mine.tsv"]


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        ("", "it is empty"),
        ("no/such/file.json", "does not exist"),
        ("no/such/*.json", "matches no file"),
        ("{empty}", "is a folder without any file of a known ending"),
        ("/dev/null", "is not a regular file"),
    ],
)
def test_no_file_is_said_with_the_setting_what_was_found_and_what_to_do(
    dataset: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=problem) as error:
        find_files(dataset.format(empty=tmp_path))
    assert "TACOS_DATASET" in str(error.value)
