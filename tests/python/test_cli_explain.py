"""``tacos explain``: the story of a sample in an environment, from a warehouse made by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import duckdb
import pytest

from python_models.cli import explain
from python_models.cli.warehouse import WarehouseError


@pytest.fixture(autouse=True)
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples; in the environment dev only tag_map differs, so that it has no other table."""
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("TACOS_DATABASE", str(path))
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """CREATE SCHEMA tacos; CREATE SCHEMA tacos__dev;
            CREATE TABLE tacos.sample_audit AS
              SELECT * FROM (VALUES
                ('abc1', 'fe01', 'Write a poem', 'kept: number 1'),
                ('abd2', 'fe02', 'Write a novel', 'dropped')
              ) AS samples(sample_id, record_id, instruction, decision);
            CREATE TABLE tacos.raw_tags AS SELECT 'abc1' AS sample_id, 1 AS tag_position, 'Poems' AS raw_tag;
            CREATE TABLE tacos.tag_map AS
              SELECT 'Poems' AS raw_tag, 'poem' AS normalized_tag, 'kept' AS action, 'Poems -> poem' AS reason;
            CREATE TABLE tacos__dev.tag_map AS
              SELECT 'Poems' AS raw_tag, NULL AS normalized_tag, 'dropped' AS action, 'too rare' AS reason"""
        )


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    parser = argparse.ArgumentParser()
    explain.add_parser(parser.add_subparsers())
    options = parser.parse_args(["explain", *arguments])
    assert options.run(options) == 0
    return capsys.readouterr().out


def test_the_first_characters_of_the_id_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "abc")
    assert "kept: number 1" in story
    assert "Poems -> poem: Poems -> poem" in story
    assert "abd2" not in story


@pytest.mark.parametrize("wanted", ["fe01", "a POEM"])
def test_a_record_id_or_a_part_of_the_text_finds_the_sample(capsys: pytest.CaptureFixture[str], wanted: str) -> None:
    story = told(capsys, wanted)
    assert "kept: number 1" in story
    assert "abd2" not in story


def test_the_story_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    story = json.loads(told(capsys, "abc", "--json"))
    assert story["sample_id"] == "abc1"
    assert [(tag["raw_tag"], tag["normalized_tag"]) for tag in story["tags"]] == [("Poems", "poem")]


def test_what_an_environment_leaves_unchanged_is_that_of_prod(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "abc", "--environment", "dev")
    assert "kept: number 1" in story
    assert "Poems -> (dropped): too rare" in story


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ab",), "(?s)More than one sample is meant by 'ab' in prod:.*abc1  Write a poem.*abd2  Write a novel"),
        (("x",), "begins with 'x', or that text in its instruction"),
        (("abc", "--environment", "nix"), "no environment 'nix' in the warehouse; there are: dev, prod"),
    ],
)
def test_what_cannot_be_told_is_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(WarehouseError, match=message):
        told(capsys, *arguments)
