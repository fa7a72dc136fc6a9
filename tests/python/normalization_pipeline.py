"""Raw tags in, tables of the normalization out: the project's own models, run by the stage runner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb
import pandas as pd
from sqlmesh import Context
from stage_runner import StageRunner

ALIAS_COLUMNS = ["alias", "canonical_tag", "note"]


class Normalization:
    """The stage over a fresh in-memory database.

    Args:
        context: the loaded project.
        variables: variables that differ from config.yaml.
        aliases: pairs of alias and canonical tag, in place of the seed file.
    """

    def __init__(
        self,
        context: Context,
        variables: dict[str, Any] | None = None,
        aliases: Iterable[tuple[str, str]] | None = None,
        stages: Iterable[str] = ("normalization",),
    ) -> None:
        self.connection = duckdb.connect(config={"threads": 2})
        self.runner = StageRunner(context, list(stages), self.connection, variables)
        if aliases is not None:
            rows = pd.DataFrame([(*pair, "test") for pair in aliases], columns=ALIAS_COLUMNS, dtype="string")
            self.runner.set_seed("tacos_internal.tag_aliases", rows)

    def run(self, tags: Iterable[tuple[str, str]], n_samples: int | None = None) -> None:
        """Normalize pairs of sample and raw tag; ``n_samples`` if there are samples without a tag too."""
        rows = pd.DataFrame(list(tags), columns=["sample_id", "raw_tag"], dtype="string")
        samples = set(rows["sample_id"])
        samples |= {f"without {i}" for i in range((n_samples or 0) - len(samples))}
        self.runner.set_table("tacos.raw_tags", rows)
        self.runner.set_table("tacos.samples", pd.DataFrame({"sample_id": sorted(samples)}, dtype="string"))
        self.runner.run()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query over the tables."""
        return self.connection.sql(query).fetchall()

    def frame(self, query: str) -> pd.DataFrame:
        """All rows of a query over the tables, as a frame."""
        return self.connection.sql(query).df()

    def tag_map(self) -> dict[str, str | None]:
        """Raw tag -> normalized tag, None if it was dropped."""
        return dict(self.rows("SELECT raw_tag, normalized_tag FROM tacos.tag_map"))

    def failed_audits(self) -> dict[str, str]:
        """Audits of all models that fail."""
        return {
            name: found for model in self.runner.models for name, found in self.runner.failed_audits(model.name).items()
        }
