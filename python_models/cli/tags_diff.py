"""``tacos tags-diff``: which tags change their fate between two environments, and how many samples that touches."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from python_models.cli.warehouse import open_warehouse, rows, table_in
from python_models.terminal import count, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

# One row per raw tag whose normalized tag differs. A tag that one environment has not seen counts as absent there.
DIFFERENCES = """
WITH befores AS (
  SELECT raw_tag, normalized_tag, action, reason FROM {map_before}
), afters AS (
  SELECT raw_tag, normalized_tag, action, reason FROM {map_after}
), changed AS (
  SELECT
    COALESCE(befores.raw_tag, afters.raw_tag) AS raw_tag,
    befores.normalized_tag AS tag_before,
    afters.normalized_tag AS tag_after,
    COALESCE(befores.action, 'absent') AS action_before,
    COALESCE(afters.action, 'absent') AS action_after,
    COALESCE(befores.reason, '-') AS reason_before,
    COALESCE(afters.reason, '-') AS reason_after
  FROM befores
  FULL JOIN afters ON afters.raw_tag = befores.raw_tag
  WHERE befores.normalized_tag IS DISTINCT FROM afters.normalized_tag
), carried AS (
  SELECT raw_tag, sample_id FROM {tags_before}
  UNION
  SELECT raw_tag, sample_id FROM {tags_after}
), touched AS (
  SELECT changed.*, carried.sample_id
  FROM changed
  INNER JOIN carried ON carried.raw_tag = changed.raw_tag
)
"""
BY_TAG = """
SELECT
  raw_tag, tag_before, tag_after, action_before, action_after, reason_before, reason_after,
  COUNT(DISTINCT sample_id) AS n_samples
FROM touched
GROUP BY ALL
ORDER BY n_samples DESC, raw_tag
"""
BY_ACTION = """
SELECT action_before, action_after, COUNT(DISTINCT raw_tag) AS n_tags, COUNT(DISTINCT sample_id) AS n_samples
FROM touched
GROUP BY GROUPING SETS ((), (action_before, action_after))
ORDER BY action_before IS NOT NULL, n_samples DESC, action_before, action_after
"""


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "tags-diff",
        help="which tags change their fate between two environments",
        description="Compare tacos.tag_map of two SQLMesh environments: after a changed rule and `sqlmesh plan dev`, "
        "`tacos tags-diff dev` lists the tags whose fate differs from prod, with the samples that are touched.",
    )
    parser.add_argument("environment", help="environment with the change, e.g. dev")
    parser.add_argument("--against", default="prod", help="environment to compare with (default: prod)")
    parser.add_argument("--limit", type=int, default=50, help="tags to list, most samples first (default: 50; 0: all)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the differences.

    Raises:
        WarehouseError: one of the environments does not exist, or has no tag map.
    """
    with open_warehouse() as connection:
        differences = DIFFERENCES.format(
            map_before=table_in(connection, options.against, "tag_map"),
            map_after=table_in(connection, options.environment, "tag_map"),
            tags_before=table_in(connection, options.against, "raw_tags"),
            tags_after=table_in(connection, options.environment, "raw_tags"),
        )
        totals = rows(connection, differences + BY_ACTION)
        n_tags, n_samples = totals[0]["n_tags"], totals[0]["n_samples"]
        limit = f"LIMIT {options.limit}" if options.limit > 0 else ""
        tags = rows(connection, differences + BY_TAG + limit)
    if not n_tags:
        print(f"No tag has another fate in {options.environment} than in {options.against}.")
        return 0
    has, it = ("has", "it") if n_tags == 1 else ("have", "them")
    carry = "carries" if n_samples == 1 else "carry"
    print(f"{count(n_tags, 'tag')} {has} another fate in {options.environment} than in {options.against}; ", end="")
    print(f"{count(n_samples, 'sample')} {carry} {it}.\n")
    for total in totals[1:]:
        steps = f"{total['action_before']} -> {total['action_after']}"
        print(f"  {steps:<48} tags: {total['n_tags']:>8,}  samples: {total['n_samples']:>10,}")
    print()
    for tag in tags:
        fate = f"{tag['tag_before'] or '(dropped)'} => {tag['tag_after'] or '(dropped)'}"
        print(shown_line(f"{tag['raw_tag']}: {fate}") + f"  [{count(tag['n_samples'], 'sample')}]")
        print(f"  {options.against + ':':<8} {shown_line(tag['reason_before'])}")
        print(f"  {options.environment + ':':<8} {shown_line(tag['reason_after'])}")
    if len(tags) < n_tags:
        print(f"\n... and {n_tags - len(tags)} more: --limit 0 lists all.")
    return 0
