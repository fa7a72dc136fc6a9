"""Hostile samples, model names and errors on a terminal: whatever they hold, only the commands' own colours act."""

from __future__ import annotations

import os
import pty
import re
import sys
from pathlib import Path

import duckdb
import pytest
from rich.markup import render

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.cache.rows import CachedReply
from python_models.settings import PROJECT_ROOT
from python_models.terminal import UserError, count, shown, shown_line

pytestmark = pytest.mark.long

HOSTILE = {
    "markup": "[/INST] [bold]x[/] [link=http://evil.example]click[/link] [/",
    "colour": "\x1b[31mred\x1b[2J",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "c1": "\x9b31m \x85 \x9d0;owned\x9c",
    "carriage return": "kept\rdropped",
    "backspace": "abc\b\b\bxyz",
    "bidi": "\u202egnidaeh \u2066a\u2069",
    "hidden": "a\u200bb\ufeffc\U000e0041",
}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0041]|\r(?!\n)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A warehouse and a cache in which every text is hostile."""
    everything = " ".join(HOSTILE.values())
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos__dev")
        connection.execute("CREATE TABLE texts AS SELECT ? AS text", [everything])
        for name, columns in {
            "source_counts": "1 AS n_records",
            "rejected_records": "1 AS record_no",
            "samples": "'abc' AS sample_id, 0 AS n_duplicates, text AS instruction",
            "tag_replies": "NULL AS error",
            "raw_tags": "'abc' AS sample_id, 1 AS tag_position, text AS raw_tag",
            "tag_map": "text AS raw_tag, text AS normalized_tag, 'kept' AS action, text AS reason",
            "normalized_tags": "text AS normalized_tag",
            "cluster_labels": "0 AS cluster_id, text AS label",
            "clusters": "'abc' AS sample_id, 0 AS cluster_id, 1 AS n_tags, TRUE AS is_primary",
            "pair_scores": "1 AS judging_round, 0 AS cluster_id, 'abc' AS first_sample_id, 'abc' AS second_sample_id, "
            "1 AS first_score, 2 AS second_score, text AS error, text AS model_name",
            "sample_scores": "'abc' AS sample_id, 0 AS cluster_id, 1 AS cluster_rank, 50 AS judge_score, 1 AS "
            "cluster_score, 1 AS cluster_score_error",
            "pair_replies": "text AS model_name",
            "selected": "'abc' AS sample_id",
            "failure_signatures": "1 AS check_no, text AS title, 0.5 AS value, 0.1 AS threshold, 'share' AS unit, "
            "TRUE AS is_failing, text AS advice",
            "sample_audit": "'abc' AS sample_id, text AS cluster_label, 0 AS cluster_id, 50 AS judge_score, "
            "text AS instruction, TRUE AS is_selected, 1 AS selection_rank, text AS decision, text AS response, "
            "text AS system_prompt, text AS record_id, text AS source_file, text AS membership, text AS tagging_error, "
            "text AS standing, text AS outlook, 1 AS cluster_rank, 1 AS n_cluster_candidates, 1 AS last_kept_rank, "
            "1 AS n_comparisons, 1 AS cluster_score, 1 AS cluster_score_error, 'abc' AS last_kept_id, "
            "'abc' AS next_in_line_id",
        }.items():
            connection.execute(f"CREATE TABLE tacos.{name} AS SELECT {columns} FROM texts")
        other = "SELECT * REPLACE ('other' AS normalized_tag) FROM tacos.tag_map"
        connection.execute(f"CREATE TABLE tacos__dev.tag_map AS {other}")
        connection.execute("CREATE SCHEMA tacos_internal; CREATE SCHEMA tacos_internal__dev")
        for name, columns in {
            "placement_tags": "'abc' AS sample_id, 't' AS tag",
            "tag_embeddings": "'t' AS tag, [1.0] AS embedding",
            "cluster_centroids": "0 AS cluster_id, [1.0] AS centroid, 'samples' AS cluster_on",
        }.items():
            connection.execute(f"CREATE TABLE tacos_internal.{name} AS SELECT {columns}")
        for schema, is_selected in (("tacos_internal", True), ("tacos_internal__dev", False)):
            connection.execute(
                f"CREATE TABLE {schema}.sample_outcomes AS SELECT 'abc' AS sample_id, 0 AS cluster_id, 1 AS "
                f"cluster_rank, 1 AS n_cluster_candidates, 1 AS last_kept_rank, {is_selected} AS is_selected"
            )
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        cache.put(CachedReply("ab" * 32, "tagging", everything, 1, "x", None, "stop", 1, 0, 1, 1.0, 0)).result()
    return tmp_path


def on_a_terminal(code: str, folder: Path, **settings: str) -> str:
    """What a terminal is sent by Python code in a process whose terminal it is."""
    process, terminal = pty.fork()
    if process == 0:
        environment = os.environ | settings | {"PYTHONPATH": str(PROJECT_ROOT), "TERM": "xterm-256color"}
        environment |= {"TACOS_DATABASE": str(folder / "warehouse.duckdb"), "TACOS_CACHE": str(folder / "cache.sqlite")}
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    sent = b""
    while True:
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not read:
            break
        sent += read
    os.waitpid(process, 0)
    os.close(terminal)
    return sent.decode("utf-8")


MAIN = "import sys; from python_models.cli import main; sys.exit(main({}))"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (MAIN.format(["explain", "abc"]), "what would have to be different"),
        (MAIN.format(["tags-diff", "dev"]), "another fate"),
        (MAIN.format(["selection-diff"]), "1 left from prod to dev"),
        (MAIN.format(["cache", "stats"]), "tagging"),
        (MAIN.format(["explain", "abc", "--environment", HOSTILE["colour"]]), "no environment"),
        ("from python_models.cli.summary import show_summary; show_summary()", "Where to look next"),
        (
            "from python_models.llm.progress import Progress; import sys; "
            f"Progress('tagging').say({' '.join(HOSTILE.values())!r}); print('said')",
            "said",
        ),
    ],
    ids=["explain", "tags-diff", "selection-diff", "cache stats", "error", "summary", "progress"],
)
def test_nothing_foreign_acts_on_a_terminal(folder: Path, code: str, wanted: str) -> None:
    sent = on_a_terminal(code, folder, COLUMNS="300")
    assert wanted in sent
    assert "Traceback" not in sent
    assert "\\x1b" in sent or wanted == "no environment", "the hostile text was not shown at all"
    assert not UNSAFE.findall(COLOURS.sub("", sent))
    assert not COLOURS.findall(sent.partition("\\x1b[31m")[2].partition("red")[0])


def test_a_terminal_of_another_character_set_stops_nothing(folder: Path) -> None:
    sent = on_a_terminal(MAIN.format(["explain", "abc"]), folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "what would have to be different" in sent
    assert "Traceback" not in sent


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_acts_is_written_out(text: str) -> None:
    assert not UNSAFE.search(shown(text))
    assert shown(shown(text)) == shown(text)
    message = str(UserError(text))
    assert render(message).plain.rstrip("\\") == shown(text).rstrip("\\"), "SQLMesh prints errors through rich's markup"


def test_what_is_harmless_stays() -> None:
    text = "Grüße, 你好, 👩‍👩‍👧, می‌خواهم\n\tline"
    assert shown(text) == text
    assert shown_line(" a\n b ") == "a b"
    assert shown("a\ud800b") == "a\\ud800b"
    assert [count(number, "sample") for number in (0, 1, 1_020)] == ["0 samples", "1 sample", "1,020 samples"]
