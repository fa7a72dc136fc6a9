"""``tacos explain``: the story of a sample in an environment, from a warehouse made by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import duckdb
import pytest

from python_models.cli import explain
from python_models.cli.warehouse import WarehouseError

AUDIT = (
    "sample_audit(sample_id, record_id, source_file, ingested_at, instruction, response, system_prompt, tagging_error, "
    "membership, cluster_id, n_comparisons, judge_score, cluster_score, cluster_score_error, cluster_rank, "
    "n_cluster_candidates, last_kept_rank, decision, standing, outlook, last_kept_id, next_in_line_id)"
)
TABLES = {
    AUDIT: "('abc1', 'fe01', 'f.json', '2026-01-01', 'Write a poem', 'Roses', NULL, NULL, 'judged: no nearer one', 3, "
    "2, 75e0, 4e0, 2e0, 1, 2, 1, 'kept: number 1', '2.0 standard errors (7.0 points) above the next in line', "
    "'a score 7.0 points lower', 'abc1', 'abd2'), "
    "('abd2', 'fe02', 'f.json', '2026-01-01', 'Write a novel', 'Once', 'Be kind.', 'timeout: 60 s', 'judged: none', 3, "
    "1, 65e0, -3e0, NULL, 2, 2, 1, 'dropped', '2.0 below', 'more judgments could', 'abc1', 'abd2'), "
    "('new9', 'fe09', 'f.json', '2026-01-01', 'Sing', 'La', NULL, NULL, 'not judged: x', NULL, "
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'dropped, not judged: x', 'not judged', 'no judgment: x', NULL, NULL)",
    "samples(sample_id, instruction)": "('abc1', 'Write a poem'), ('abd2', 'Write a novel')",
    "raw_tags(sample_id, tag_position, raw_tag)": "('abc1', 1, 'Poems'), ('abc1', 2, 'Art')",
    "tag_map(raw_tag, normalized_tag, action, reason)": "('Poems', 'poem', 'merged_by_rule', 'Poems -> poem'), "
    "('Art', 'art', 'merged_by_rule', 'Art -> art')",
    "clusters(sample_id, cluster_id, n_tags, is_primary)": "('abc1', 3, 1, TRUE), ('abc1', 5, 1, FALSE)",
    "cluster_labels(cluster_id, label)": "(3, 'poems'), (5, 'paintings')",
    "placement_tags(sample_id, tag)": "('abc1', 'poem'), ('abc1', 'art')",
    "tag_embeddings(tag, embedding)": "('poem', [1.0, 0.0]), ('art', [0.0, 1.0])",
    "cluster_centroids(cluster_id, centroid, cluster_on)": "(3, [0.5, 0.25], 'samples'), (4, [9.0, 9.0], 'samples'), "
    "(5, [0.0, 0.5], 'samples')",
    "pair_scores(judging_round, cluster_id, first_sample_id, second_sample_id, first_score, second_score, error, "
    "model_name)": "(1, 3, 'abc1', 'abd2', 80, 60, NULL, 'm'), "
    "(2, 3, 'abd2', 'abc1', NULL, NULL, 'timeout: 60 s', 'm'), (2, 5, 'abd2', 'abc1', 70, 70, NULL, 'm')",
    "sample_scores(sample_id, cluster_id, cluster_rank, judge_score, cluster_score, cluster_score_error)": "('abc1', "
    "3, 1, 75e0, 4e0, 2e0), ('abd2', 3, 2, 65e0, -3e0, NULL)",
}
INTERNAL = {name for name in TABLES if name.split("(")[0] in ("placement_tags", "tag_embeddings", "cluster_centroids")}


@pytest.fixture(autouse=True)
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples; in the environment dev only tag_map differs, so that it has no other table."""
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("TACOS_DATABASE", str(path))
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos__dev; CREATE SCHEMA tacos_internal")
        for table, rows in TABLES.items():
            schema = "tacos_internal" if table in INTERNAL else "tacos"
            name = table.partition("(")[0]
            connection.execute(f"CREATE TABLE {schema}.{name} AS FROM (VALUES {rows}) {table}")
        connection.execute(
            "CREATE TABLE tacos__dev.tag_map AS "
            "SELECT 'Poems' AS raw_tag, NULL AS normalized_tag, 'dropped' AS action, "
            "'Poems -> dropped: too rare' AS reason"
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
    assert story.count("Poems -> poem") == 1
    assert story.startswith("abc1: ")


@pytest.mark.parametrize("wanted", ["fe01", "a POEM"])
def test_a_record_id_or_a_part_of_the_text_finds_the_sample(capsys: pytest.CaptureFixture[str], wanted: str) -> None:
    story = told(capsys, wanted)
    assert "kept: number 1" in story
    assert story.startswith("abc1: ")


def test_the_story_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    story = json.loads(told(capsys, "abc", "--json"))
    assert story["sample_id"] == "abc1"
    assert [(tag["raw_tag"], tag["normalized_tag"]) for tag in story["tags"]] == [("Poems", "poem"), ("Art", "art")]
    assert [row["outcome"] for row in story["judgments"]] == ["won", "failed", "tied"]
    assert [row["opponent_instruction"] for row in story["judgments"]] == ["Write a novel"] * 3
    assert (story["last_kept"]["sample_id"], story["next_in_line"]["cluster_score"]) == ("abc1", -3.0)
    assert [row["cluster_id"] for row in story["centroids"]] == [3, 5, 4]
    assert [row["cluster_id"] for row in story["clusters"]] == [3, 5]


def test_the_cluster_is_the_nearest_centroid(capsys: pytest.CaptureFixture[str]) -> None:
    """The mean of both tags is (0.5, 0.5): 0.25 from the nearest centroid, 0.5 from the next."""
    story = told(capsys, "abc")
    nearest = "nearest to the mean of its tags: cluster 3, poems (distance 0.250, cosine 0.949)"
    second = "second nearest to the mean of its tags: cluster 5, paintings (distance 0.500, cosine 0.707)"
    assert f"{nearest}\n{second}" in story
    assert "also: cluster 5, paintings, nearest to 1 of its tags" in story


def test_every_judgment_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "abc")
    assert "judgments (3)\nround 1, read first: won 80 to 60 against abd2 Write a novel, by m\n" in story
    assert "round 2, read second: failed (timeout: 60 s) against abd2 Write a novel, by m\n" in story
    assert "round 2, in cluster 5, read second: tied 70 to 70 against abd2" in story
    other = told(capsys, "abd2")
    assert "round 1, read second: lost 60 to 80 against abc1 Write a poem, by m\n" in other


def test_the_score_beside_the_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "abc")
    assert "rank 1 of 2 in its cluster, of which the best 1 are kept" in story
    assert "the last one kept: itself" in story
    assert "the next in line: abd2 Write a novel (rank 2, mean of the judge's scores 65.0, cluster_score -3.0)" in story
    assert "what would have to be different\na score 7.0 points lower" in story
    other = told(capsys, "abd2")
    assert "(rank 1, mean of the judge's scores 75.0, cluster_score +4.0 ± 2.0)\nthe next in line: itself" in other
    assert "none: timeout: 60 s" in other
    assert "system_prompt\nBe kind." in other


def test_what_was_never_judged_has_a_story_too(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "new9")
    assert "judgments (0)" in story
    assert "not judged: x" in story
    assert "the last one kept" not in story


def test_what_an_environment_leaves_unchanged_is_that_of_prod(capsys: pytest.CaptureFixture[str]) -> None:
    story = told(capsys, "abc", "--environment", "dev")
    assert "kept: number 1" in story
    assert "Poems -> dropped: too rare" in story


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
