"""``tacos explain``: why a sample was kept or dropped, from its raw tags to the cut-off."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from python_models.cli.story import story_of
from python_models.cli.warehouse import WarehouseError, open_warehouse, rows, table_in
from python_models.terminal import shown, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from python_models.engine_connection import Connection

_SHOWN_CHARS = 400
_NAMED_SAMPLES = 5
_FIRST_CHARS = 50
_WAYS_TO_FIND = (
    "STARTS_WITH(sample_id, $1)",
    "STARTS_WITH(record_id, $1)",
    "CONTAINS(LOWER(instruction), LOWER($1))",
)


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "explain",
        help="why a sample was kept or dropped",
        description="Show everything that happened to one sample: its tags and their rules, its cluster, every "
        "judgment, its score beside the cut-off, and what would have to be different. tacos.sample_audit has the same "
        "for all samples.",
    )
    parser.add_argument(
        "sample_id", help="its id, its record id (or the first characters of one), or a part of its instruction"
    )
    parser.add_argument("--environment", default="prod", help="SQLMesh environment (default: prod)")
    parser.add_argument("--json", action="store_true", help="as one JSON object, nothing shortened")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the sample's story.

    Raises:
        WarehouseError: no sample, or more than one, is meant by what was given.
    """
    with open_warehouse() as connection:
        audit = table_in(connection, options.environment, "sample_audit")
        story = story_of(
            connection, options.environment, _find(connection, audit, options.sample_id, options.environment)
        )
    if options.json:
        print(json.dumps(story, default=str))
    else:
        print("\n".join(told(story)))
    return 0


def told(story: dict[str, Any]) -> Iterator[str]:
    """The story in lines for a terminal, long texts shortened.

    Args:
        story: what ``story_of`` returns.
    """
    yield f"{story['sample_id']}: {shown_line(story['decision'])}"
    for name in ("instruction", "response", "system_prompt"):
        if story.get(name):
            text = str(story[name])
            yield f"\n{name}\n" + shown(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + " ...")
    yield "\nrecord"
    yield shown_line(
        f"{story.get('record_id')} of {story.get('source_file')}, first seen on {story.get('ingested_at')}"
    )
    yield "\ntags"
    if story.get("tagging_error"):
        yield shown_line(f"none: {story['tagging_error']}")
    for tag in story["tags"]:
        yield shown_line(tag["reason"])  # which begins with the tag as written
    yield from _told_of_cluster(story)
    yield f"\njudgments ({len(story['judgments'])})"
    for row in story["judgments"]:
        scores = f" {row['own_score']} to {row['opponent_score']}" if row["error"] is None else f" ({row['error']})"
        against = f"{row['opponent_id'][:8]} {_opening(row['opponent_instruction'])}"
        where = "" if row["cluster_id"] == story.get("cluster_id") else f"in cluster {row['cluster_id']}, "
        text = f"round {row['judging_round']}, {where}read {row['place']}: {row['outcome']}{scores} against {against}"
        yield shown_line(f"{text}, by {row['model_name']}")
    yield from _told_of_score(story)


def _opening(text: object) -> str:
    """The first words of a text, and a mark where there are more."""
    words = str(text)
    return words if len(words) <= _FIRST_CHARS else f"{words[: _FIRST_CHARS - 1].rstrip()}…"


def _told_of_cluster(story: dict[str, Any]) -> Iterator[str]:
    yield "\ncluster"
    if story.get("membership"):
        yield shown_line(story["membership"])
    for name, row in zip(("nearest", "second nearest"), story["centroids"], strict=False):
        where = f"cluster {row['cluster_id']}, {row['cluster_label']}"
        cosine = "" if row["cosine"] is None else f", cosine {row['cosine']:.3f}"
        yield shown_line(f"{name} to the mean of its tags: {where} (distance {row['distance']:.3f}{cosine})")
    for row in story["clusters"]:
        mark = "its own" if row["is_primary"] else "also"
        yield shown_line(
            f"{mark}: cluster {row['cluster_id']}, {row['cluster_label']}, nearest to {row['n_tags']} of its tags"
        )


def _told_of_score(story: dict[str, Any]) -> Iterator[str]:
    yield "\nscore"
    if story.get("cluster_rank") is not None:
        kept = f"the best {story['last_kept_rank']:,} are kept" if story["last_kept_rank"] else "none is kept"
        yield f"rank {story['cluster_rank']:,} of {story['n_cluster_candidates']:,} in its cluster, of which {kept}"
        yield f"{_scores(story)}, after {story['n_comparisons']:,} comparisons"
    if story.get("standing"):
        yield shown_line(story["standing"])
    for name, title in (("last_kept", "the last one kept"), ("next_in_line", "the next in line")):
        row = story[name]
        if row and row["sample_id"] != story["sample_id"]:
            text = f"{row['sample_id'][:8]} {_opening(row['instruction'])}"
            yield shown_line(f"{title}: {text} (rank {row['cluster_rank']:,}, {_scores(row)})")
        elif row:
            yield f"{title}: itself"
    if story.get("outlook"):
        yield "\nwhat would have to be different"
        yield shown_line(story["outlook"])


def _scores(row: dict[str, Any]) -> str:
    judged = "no judgment" if row["judge_score"] is None else f"mean of the judge's scores {row['judge_score']:.1f}"
    if row["cluster_score"] is None:
        return f"{judged}, no cluster_score"
    error = row["cluster_score_error"]
    return f"{judged}, cluster_score {row['cluster_score']:+.1f}" + ("" if error is None else f" ± {error:.1f}")


def _find(connection: Connection, audit: str, wanted: str, environment: str) -> dict[str, Any]:
    """The one sample that is meant: the first way to find any decides, so that an id is never taken for text."""
    for way in _WAYS_TO_FIND:
        query = f"SELECT * FROM {audit} WHERE {way} ORDER BY sample_id LIMIT {_NAMED_SAMPLES + 1}"  # noqa: S608
        found = rows(connection, query, [wanted])
        if len(found) == 1:
            return found[0]
        if found:
            named = [
                f"  {sample['sample_id']}  {shown_line(_opening(sample['instruction']))}"
                for sample in found[:_NAMED_SAMPLES]
            ]
            more = ["  ..."] if len(found) > _NAMED_SAMPLES else []
            raise WarehouseError(
                "\n".join([f"More than one sample is meant by {wanted!r} in {environment}:", *named, *more])
            )
    raise WarehouseError(
        f"No sample of {environment} has an id or a record id that begins with {wanted!r}, or that text in its "
        "instruction. Ids are in tacos.samples; a record that is none is in tacos.rejected_records."
    )
