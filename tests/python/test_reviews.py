"""Reviews of tags: a file for a spreadsheet, whatever stands in the tags, and the verdicts back from it."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.cli import main, review
from python_models.diagnostics.reviews import (
    COLUMNS,
    ReviewError,
    Verdict,
    as_it_was,
    harmless,
    read_review,
    read_seed,
    review_id,
    write_review,
    write_seed,
)

SAMPLE = "0" * 32
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "'=1", "a;=cmd|' /C calc'!A0", "a\n-1", "\t=1", "＝1")


def row_of(raw_tag: str, normalized_tag: str | None, instruction: str = "Do it.") -> dict[str, str | None]:
    normalized_id = None if normalized_tag is None else review_id(SAMPLE, normalized_tag)
    return {
        "sample_id": SAMPLE,
        "instruction": instruction,
        "raw_tag": raw_tag,
        "normalized_tag": normalized_tag,
        "raw_id": review_id(SAMPLE, raw_tag),
        "normalized_id": normalized_id,
    }


def cells_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill_in(path: Path, *verdicts: tuple[str, str], delimiter: str = ",", encoding: str = "utf-8") -> None:
    """Save the file as another program would, with verdicts on the raw and the normalized tag of each row."""
    rows = cells_of(path)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        for row, (raw, normalized) in zip(rows, verdicts, strict=True):
            writer.writerow(row | {"raw_verdict": raw, "normalized_verdict": normalized})


def nothing_known(review_ids: set[str]) -> dict[str, str]:
    return {}


def test_samples_and_tags_are_named_as_in_sql() -> None:
    """The unit test of tag_review_sample names this one too."""
    assert review_id("a", "X") == "r49e63462e5798400"


@given(st.text(alphabet="'=+-@ ;,\t\r\n|aß", max_size=12))
def test_what_is_made_harmless_comes_back_the_same(text: str) -> None:
    assert as_it_was(harmless(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_with_a_formula(text: str) -> None:
    for part in harmless(text).replace("\n", ";").replace("\t", ";").split(";"):
        assert part.strip(" ")[:1] not in set("=+-@＝"), text
    assert harmless("x-ray, 1+1") == "x-ray, 1+1"


@pytest.mark.parametrize("instruction", ["=1+1", "  @SUM(A1)", "'=1", "- a list"])
def test_no_instruction_is_computed(tmp_path: Path, instruction: str) -> None:
    write_review([row_of("X", "x", instruction)], {}, tmp_path / "review.csv")
    assert cells_of(tmp_path / "review.csv")[0]["instruction"] == f"'{instruction}"


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-16"), (",", "utf-8")]
)
def test_the_verdicts_come_back_however_the_file_was_saved(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "review.csv"
    tags = (*FORMULAS, "écriture", "null", "'90s", 'a "b"')
    rows = [row_of(tag, f"{tag} or so", f"{tag}, or\n'not'?") for tag in tags]
    assert write_review(rows, {}, path) == len(rows)
    fill_in(path, *[("Yes", "n")] * len(rows), delimiter=delimiter, encoding=encoding)
    assert list(read_review(path, nothing_known).values()) == [
        Verdict(SAMPLE, text, is_right) for tag in tags for text, is_right in ((tag, True), (f"{tag} or so", False))
    ]


def test_an_empty_cell_is_no_verdict_and_a_dropped_tag_has_none(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_review([row_of("X", "x"), row_of("rare", None)], {}, path)
    fill_in(path, ("yes", ""), ("no", ""))
    assert read_review(path, nothing_known) == {
        review_id(SAMPLE, "X"): Verdict(SAMPLE, "X", True),
        review_id(SAMPLE, "rare"): Verdict(SAMPLE, "rare", False),
    }


def test_what_was_judged_stands_in_the_file_already(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    known = {review_id(SAMPLE, "x"): Verdict(SAMPLE, "x", False), review_id(SAMPLE, "X"): Verdict(SAMPLE, "X", True)}
    write_review([row_of("X", "x"), row_of("y", "y")], known, path)
    assert [(row["raw_verdict"], row["normalized_verdict"]) for row in cells_of(path)] == [("yes", "no"), ("", "")]


@pytest.mark.parametrize(
    ("verdicts", "complaint"),
    [
        ([("maybe", ""), ("", "")], "row 2: raw_verdict is 'maybe'"),
        ([("yes", "yes"), ("", "no")], "row 3: 'x' is judged otherwise than in row 2"),
        ([("", ""), ("", "")], ""),
    ],
)
def test_a_file_with_a_doubt_is_not_taken(tmp_path: Path, verdicts: list[tuple[str, str]], complaint: str) -> None:
    path = tmp_path / "review.csv"
    write_review([row_of("X", "x"), row_of("Y", "x")], {}, path)
    fill_in(path, *verdicts)
    if not complaint:
        assert read_review(path, nothing_known) == {}
        return
    with pytest.raises(ReviewError, match=complaint):
        read_review(path, nothing_known)


def test_a_verdict_on_a_tag_that_was_dropped_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_review([row_of("rare", None)], {}, path)
    fill_in(path, ("yes", "yes"))
    with pytest.raises(ReviewError, match="row 2: there is no normalized tag to judge"):
        read_review(path, nothing_known)


def test_a_tag_that_a_spreadsheet_changed_is_known_by_its_id(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    write_review([row_of("1/2", "1/2")], {}, path)
    path.write_text(path.read_text(encoding="utf-8").replace("1/2", "2-Jan"), encoding="utf-8")
    fill_in(path, ("yes", ""))
    key = review_id(SAMPLE, "1/2")
    assert read_review(path, lambda keys: {key: "1/2"}) == {key: Verdict(SAMPLE, "1/2", True)}
    for unknown in (nothing_known, lambda keys: dict.fromkeys(keys, "another tag")):
        with pytest.raises(ReviewError, match="row 2: its tag, or its ids"):
            read_review(path, unknown)


@pytest.mark.parametrize("content", [b"a,b\r\n1,2\r\n", b"", "é".encode("latin-1")])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.csv").write_bytes(content)
    with pytest.raises(ReviewError):
        read_review(tmp_path / "other.csv", nothing_known)


def test_the_seed_keeps_every_tag(tmp_path: Path) -> None:
    verdicts = {review_id(SAMPLE, tag): Verdict(SAMPLE, tag, tag < "a") for tag in (*FORMULAS, "x, y", 'a "b"')}
    write_seed(verdicts, tmp_path / "seed.csv")
    assert read_seed(tmp_path / "seed.csv") == verdicts
    written = [row["tag"] for row in csv.DictReader((tmp_path / "seed.csv").open(encoding="utf-8", newline=""))]
    assert sorted(written) == sorted(harmless(verdict.tag) for verdict in verdicts.values())


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with two tags to judge, and a project folder with a seed of its own."""
    (tmp_path / "seeds").mkdir()
    write_seed({}, tmp_path / "seeds/tag_reviews.csv")
    monkeypatch.setattr(review, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("TACOS_DATABASE", str(tmp_path / "warehouse.duckdb"))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos_internal")
        rows = pd.DataFrame([row_of(tag, tag) | {"tag_position": at} for at, tag in enumerate(("=x", "1/2"), 1)])
        connection.register("given", rows)
        connection.execute("CREATE TABLE tacos_internal.tag_review_sample AS FROM given")
    return tmp_path


def test_the_command_writes_and_takes(warehouse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = warehouse / "review.csv"
    earlier = {review_id(SAMPLE, "of before"): Verdict(SAMPLE, "of before", True)}
    write_seed(earlier, warehouse / "seeds/tag_reviews.csv")
    assert main(["review", str(path)]) == 0
    assert "2 raw tags of 1 sample, 0 judged before" in capsys.readouterr().out
    path.write_text(path.read_text(encoding="utf-8").replace("1/2", "2-Jan"), encoding="utf-8")
    fill_in(path, ("yes", ""), ("", "no"))
    assert main(["review", str(path), "--take"]) == 0
    assert "2 verdicts taken, 2 of them new, 0 changed" in capsys.readouterr().out
    assert read_seed(warehouse / "seeds/tag_reviews.csv") == earlier | {
        review_id(SAMPLE, "=x"): Verdict(SAMPLE, "=x", True),
        review_id(SAMPLE, "1/2"): Verdict(SAMPLE, "1/2", False),
    }


def test_the_command_overwrites_no_verdicts(warehouse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = warehouse / "review.csv"
    path.write_text("verdicts", encoding="utf-8")
    assert main(["review", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "verdicts"
    assert main(["review", str(warehouse / "none.csv"), "--take"]) == 1
    assert "No such file" in capsys.readouterr().err
